from .alexnet import AlexNetGAP
from .backbone_classifier import cam_classifier
from .efficientnet_lite import EfficientNetLite0
from .googlenet import GoogLeNetGAP
from .vgg import VGG16GAP

__all__ = ["VGG16GAP", "AlexNetGAP", "EfficientNetLite0", "GoogLeNetGAP", "cam_classifier"]

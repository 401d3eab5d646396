"""Networks that end in global pooling and one linear layer."""

from kerascam.models.alexnet import AlexNetGAP
from kerascam.models.cam_classifier import cam_classifier
from kerascam.models.efficientnet_lite import EfficientNetLite0
from kerascam.models.googlenet import GoogLeNetGAP
from kerascam.models.vgg import VGG16GAP

__all__ = ["VGG16GAP", "AlexNetGAP", "EfficientNetLite0", "GoogLeNetGAP", "cam_classifier"]

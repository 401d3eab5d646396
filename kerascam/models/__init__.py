"""Networks that end in global pooling and one linear layer."""

from kerascam.models.alexnet import AlexNetGAP
from kerascam.models.cam_classifier import cam_classifier
from kerascam.models.googlenet import GoogLeNetGAP
from kerascam.models.vgg import VGG16GAP

__all__ = ["VGG16GAP", "AlexNetGAP", "GoogLeNetGAP", "cam_classifier"]

"""Keras layers of networks that localise by themselves."""

from kerascam.layers.cam_head import CAMHead
from kerascam.layers.global_sum_pooling import GlobalSumPooling2D
from kerascam.layers.local_response_normalization import LocalResponseNormalization

__all__ = ["CAMHead", "GlobalSumPooling2D", "LocalResponseNormalization"]

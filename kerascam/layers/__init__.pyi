from .cam_head import CAMHead
from .global_sum_pooling import GlobalSumPooling2D
from .local_response_normalization import LocalResponseNormalization

__all__ = ["CAMHead", "GlobalSumPooling2D", "LocalResponseNormalization"]

"""The class model: gradient ascent on images, and the parts that it is put together of."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""See where a Keras image classifier looks, while it trains and after."""

import lazy_loader

from kerascam import _registration

__version__ = "0.2.0"

# Nothing is imported before it is used. The names stand in `__init__.pyi`.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_registration.when_keras_is_imported()

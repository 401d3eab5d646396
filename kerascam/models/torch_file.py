"""Tensors from a file of PyTorch in its format before 1.6, without PyTorch."""

import math
import pickle
import struct
from typing import NamedTuple

import numpy as np

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
}


def read_tensors(path):
    """Reads the tensors of a state dictionary that was saved by `torch.save`.

    The file is a pickle, which could run any code. Nothing but ordered dictionaries and tensors is
    admitted; whatever else it names is refused before it is looked up.

    Args:
        path: Path of the file, of the format that PyTorch wrote before version 1.6 (not a zip).

    Returns:
        A dictionary from name to array.

    Raises:
        OSError: If the file can't be read.
        ValueError: If it is no such file, names anything else, or is cut off.

    Reference:
        The layout of `torch.serialization._legacy_save`: four pickles (magic number, protocol,
        system, object), one with the keys of the storages, then for each its length and its values.
    """
    with open(path, "rb") as file:
        try:
            header = [_Unpickler(file).load() for _ in range(3)]
            if header[:2] != [_MAGIC_NUMBER, _PROTOCOL] or not header[2]["little_endian"]:
                raise ValueError("it does not begin as PyTorch's files did before version 1.6")
            unpickler = _Unpickler(file)
            tensors, keys = unpickler.load(), _Unpickler(file).load()
            values = {key: _read_storage(file, unpickler.storages[key]) for key in keys}
            return {str(name): tensor.array(values) for name, tensor in tensors.items()}
        except OSError:
            raise
        except Exception as error:  # A damaged pickle can fail in any way.
            raise ValueError(
                f"'{path}' can't be read as a file of PyTorch tensors: {error}. It may be damaged; "
                "install or copy it again."
            ) from error


class _Storage(NamedTuple):
    """Values that tensors are views of."""

    key: str
    dtype: str
    size: int


class _Tensor(NamedTuple):
    """A view of a storage, whose values come later in the file."""

    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple

    def array(self, values):
        """A copy of the values, in NumPy's order."""
        steps = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((size - 1) * stride for size, stride in steps)
        size, lowest = math.prod(self.shape), min((self.offset, *self.shape, *self.strides))
        # One that repeats values, which no weights do, could be of any size.
        if lowest < 0 or size > self.storage.size or (size and last >= self.storage.size):
            raise ValueError("a tensor reaches beyond its storage")
        base = values[self.storage.key][self.offset :]
        strides = [stride * base.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(base, self.shape, strides).copy()


class _Dictionary(dict):
    """Stands for an ordered dictionary; a pickle can't give it attributes."""

    def __setstate__(self, state):
        """PyTorch keeps versions of its layers in attributes."""


class _Rebuild:
    """Stands for the function that makes a tensor; without slots, a pickle can't change it."""

    __slots__ = ()

    def __call__(self, storage, offset, shape, strides, *_):
        numbers = (offset, *shape, *strides)
        if not isinstance(storage, _Storage) or not all(type(n) is int for n in numbers):
            raise ValueError("it has something that is no tensor")
        return _Tensor(storage, offset, shape, strides)


_ADMITTED = {
    ("collections", "OrderedDict"): _Dictionary,
    ("torch._utils", "_rebuild_tensor_v2"): _Rebuild(),
    **{("torch", name): dtype for name, dtype in _DTYPES.items()},
}


class _Unpickler(pickle.Unpickler):
    """Admits what a state dictionary is made of."""

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise ValueError(
                f"it asks for '{module}.{name}', which no file of tensors needs"
            ) from None

    def persistent_load(self, identifier):
        kind, dtype, key, _, size, view = identifier
        storage = _Storage(key, dtype, size)
        known = kind == "storage" and dtype in _DTYPES.values() and type(size) is int
        # All tensors must mean the same by a key: what is read is checked against one of them.
        if not known or view is not None or self.storages.setdefault(key, storage) != storage:
            raise ValueError("it has something that is no storage")
        return storage


def _read_storage(file, storage):
    (size,) = struct.unpack("<q", file.read(8))
    content = file.read(size * np.dtype(storage.dtype).itemsize) if size == storage.size else b""
    values = np.frombuffer(content, storage.dtype)
    if len(values) != storage.size:
        raise ValueError("it ends too early, or the length of a storage is wrong")
    return values

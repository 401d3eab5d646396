"""Files of PyTorch tensors are read without PyTorch, and nothing in them is run."""

import collections
import io
import os
import pickle
import struct

import numpy as np
import pytest

from kerascam.models.torch_file import _DTYPES, read_tensors

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}


class Named:
    """Pickled as the name of something in a module that need not exist."""

    def __init__(self, module, name):
        self.__module__, self.__qualname__, self.__name__ = module, name, name


class Pickler(pickle._Pickler):
    """Writes what PyTorch writes: names by themselves, storages by persistent identifiers."""

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Named):
            name = obj.__name__
            self.write(b"c" + f"{obj.__module__}\n{name}\n".encode())
            return None
        return super().save(obj, save_persistent_id)

    def persistent_id(self, obj):
        return obj.identifier if isinstance(obj, Storage) else None


class Storage:
    def __init__(self, key, values, kind=None, size=None, view=None):
        self.key, self.values = key, values
        names = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}
        kind = kind or Named("torch", names[values.dtype])
        self.identifier = ("storage", kind, key, "cpu", len(values) if size is None else size, view)


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, collections.OrderedDict())

    def __reduce__(self):
        return Rebuild(), self.arguments


class Rebuild(Named):
    def __init__(self):
        super().__init__("torch._utils", "_rebuild_tensor_v2")

    def __call__(self):  # pickle wants something that can be called.
        raise AssertionError


def write(path, content, storages, header=(MAGIC_NUMBER, 1001, SYSTEM)):
    file = io.BytesIO()
    for part in header:
        pickle.dump(part, file, protocol=2)
    Pickler(file, protocol=2).dump(content)
    pickle.dump([storage.key for storage in storages], file, protocol=2)
    for storage in storages:
        file.write(struct.pack("<q", len(storage.values)) + storage.values.tobytes())
    path.write_bytes(file.getvalue())
    return path


@pytest.mark.parametrize("dtype", _DTYPES.values())
def test_tensors_of_each_kind_with_strides_and_offsets(dtype, tmp_path, rng):
    values = rng.integers(0, 100, size=24).astype(dtype)
    shared, other = Storage("1", values), Storage("2", values[:5] + np.ones(1, dtype))
    content = collections.OrderedDict(
        contiguous=Tensor(shared, 0, (2, 3, 4), (12, 4, 1)),
        turned=Tensor(shared, 0, (4, 3, 2), (1, 4, 12)),
        part=Tensor(shared, 5, (2, 2), (8, 3)),
        scalar=Tensor(other, 3, (), ()),
        empty=Tensor(other, 0, (0, 3), (3, 1)),
    )
    found = read_tensors(write(tmp_path / "a.pth", content, [other, shared]))
    np.testing.assert_array_equal(found["contiguous"], values.reshape(2, 3, 4))
    np.testing.assert_array_equal(found["turned"], values.reshape(2, 3, 4).transpose())
    np.testing.assert_array_equal(found["part"], [[values[5], values[8]], [values[13], values[16]]])
    assert found["scalar"] == values[3] + 1
    assert found["empty"].shape == (0, 3)
    assert {array.dtype for array in found.values()} == {np.dtype(dtype)}


class Harmful:
    """Runs a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize("place", [0, 1, 2, 3, "within"])
@pytest.mark.parametrize("function", [os.mkdir, eval, getattr])
def test_a_harmful_file_is_refused_and_nothing_is_run(function, place, tmp_path):
    victim = tmp_path / "made by the pickle"
    arguments = {
        os.mkdir: (str(victim),),
        eval: (f"__import__('os').mkdir({str(victim)!r})",),
        getattr: (os, "mkdir"),
    }[function]
    harmful = Harmful(function, *arguments) if function is not getattr else Harmful(getattr, "", "")
    parts = [MAGIC_NUMBER, 1001, SYSTEM, {}]
    if place == "within":
        parts[3] = collections.OrderedDict(weight=[harmful])
    else:
        parts[place] = harmful
    path = write(tmp_path / "a.pth", parts[3], [], header=parts[:3])
    with pytest.raises(ValueError, match=f"it asks for '.*{function.__name__}', which no file"):
        read_tensors(path)
    assert not victim.exists()
    pickle.loads(pickle.dumps(Harmful(os.mkdir, str(victim))))  # Such a pickle does do harm.
    assert victim.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("torch", "load"),
        ("torch.FloatStorage", "__class__"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("collections", "OrderedDict.fromkeys"),
        ("kerascam.models.torch_file", "read_tensors"),
        ("builtins", "print"),
    ],
)
def test_names_that_are_near_are_refused(module, name, tmp_path):
    path = write(tmp_path / "a.pth", {"weight": Named(module, name)}, [])
    with pytest.raises(ValueError, match=f"it asks for '{module}.{name}'"):
        read_tensors(path)


FOUR = np.arange(4, dtype="<f4")


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (Tensor(Storage("1", FOUR), 0, (5,), (1,)), "reaches beyond its storage"),
        (Tensor(Storage("1", FOUR), 1, (4,), (1,)), "reaches beyond its storage"),
        (Tensor(Storage("1", FOUR), 0, (2, 2), (3, 1)), "reaches beyond its storage"),
        (Tensor(Storage("1", FOUR), 3, (4,), (-1,)), "reaches beyond its storage"),
        (Tensor(Storage("1", FOUR), -1, (2,), (1,)), "reaches beyond its storage"),
        (Tensor(Storage("1", FOUR), 0, (10**9, 10**9), (0, 0)), "reaches beyond its storage"),
        (Tensor(Storage("1", FOUR), 0, (2, 2), (1,)), "can't be read"),
        (Tensor(Storage("1", FOUR, size=8), 0, (8,), (1,)), "the length of a storage is wrong"),
        (
            Tensor(Storage("1", FOUR, view=("2", 0, 1)), 0, (4,), (1,)),
            "something that is no storage",
        ),
        (np.float64(1).item(), "can't be read"),
    ],
)
def test_tensors_that_cannot_be(tensor, message, tmp_path):
    path = write(tmp_path / "a.pth", {"weight": tensor}, [Storage("1", FOUR)])
    with pytest.raises(ValueError, match=message):
        read_tensors(path)


@pytest.mark.parametrize("other", [{"size": 100}, {"kind": Named("torch", "LongStorage")}])
def test_a_storage_of_two_sizes_or_kinds(other, tmp_path):
    """Else a tensor could be read beyond what was checked."""
    for first in ({}, other):
        second = other if first == {} else {}
        content = {
            "a": Tensor(Storage("1", FOUR, **first), 0, (2,), (1,)),
            "b": Tensor(Storage("1", FOUR, **second), 0, (2,), (1,)),
        }
        with pytest.raises(ValueError, match="something that is no storage"):
            read_tensors(write(tmp_path / "a.pth", content, [Storage("1", FOUR)]))


@pytest.mark.parametrize(
    "identifier",
    [
        ("module", Named("torch", "FloatStorage"), "1", "cpu", 4, None),
        ("storage", "U4", "1", "cpu", 4, None),
        ("storage", Named("torch", "FloatStorage"), "1", "cpu", 4.0, None),
        ("storage", Named("torch", "FloatStorage"), "1"),
        None,
    ],
)
def test_identifiers_that_are_no_storage(identifier, tmp_path):
    storage = Storage("1", FOUR)
    storage.identifier = identifier
    path = write(tmp_path / "a.pth", {"a": Tensor(storage, 0, (2,), (1,))}, [storage])
    with pytest.raises(ValueError, match="can't be read as a file of PyTorch tensors"):
        read_tensors(path)


class Changed:
    """Gives what is unpickled attributes."""

    def __init__(self, base, state):
        self.base, self.state = base, state

    def __reduce__(self):
        return self.base, (), self.state


class OrderedDict(Named):
    def __init__(self):
        super().__init__("collections", "OrderedDict")

    def __call__(self):
        raise AssertionError


def test_attributes_change_nothing(tmp_path):
    """PyTorch gives the dictionary one; others must not reach the functions that are admitted."""
    storage = Storage("1", FOUR)
    content = Changed(OrderedDict(), {"_metadata": {"": 1}, "items": 3})
    assert read_tensors(write(tmp_path / "a.pth", content, [])) == {}
    for state in ({"a": 3}, (None, {"__doc__": "changed"})):
        path = tmp_path / "b.pth"
        body = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n" + pickle.dumps(state, 2)[2:-1] + b"b."
        parts = [pickle.dumps(part, 2) for part in (MAGIC_NUMBER, 1001, SYSTEM)]
        path.write_bytes(b"".join(parts) + body + pickle.dumps([], 2))
        with pytest.raises(ValueError, match="attribute"):
            read_tensors(path)
    path = write(tmp_path / "c.pth", {"a": Tensor(storage, 0, (2,), (1,))}, [storage])
    np.testing.assert_array_equal(read_tensors(path)["a"], [0, 1])


def test_other_files(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(b"PK\x03\x04 a zip, as newer versions write")
    with pytest.raises(ValueError, match="can't be read as a file of PyTorch tensors"):
        read_tensors(path)
    write(path, {}, [], header=(1, 1001, SYSTEM))
    with pytest.raises(ValueError, match="does not begin as PyTorch's files did"):
        read_tensors(path)
    for header in ((MAGIC_NUMBER, 1002, SYSTEM), (MAGIC_NUMBER, 1001, {"little_endian": False})):
        with pytest.raises(ValueError, match="does not begin as PyTorch's files did"):
            read_tensors(write(path, {}, [], header=header))
    with pytest.raises(OSError, match="No such file"):
        read_tensors(tmp_path / "none.pth")


def test_every_cut_is_noticed(tmp_path):
    content = {"weight": Tensor(Storage("1", FOUR), 0, (2, 2), (2, 1))}
    path = write(tmp_path / "a.pth", content, [Storage("1", FOUR)])
    whole = path.read_bytes()
    np.testing.assert_array_equal(read_tensors(path)["weight"], [[0, 1], [2, 3]])
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="can't be read as a file of PyTorch tensors"):
            read_tensors(path)

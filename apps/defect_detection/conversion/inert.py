"""Reads a checkpoint's pickle without running any of it.

A pickle is a program that may call whatever it can name. Here every name that a checkpoint of a
detector has stands for an inert object that only remembers what it was given; a pickle that names
anything else is refused before that name is looked up. Neither torch nor Ultralytics takes part.
"""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

from loupe.contract.runtime.errors import ModelRefused

MODULES = ("torch.nn.modules.", "torch.nn.parameter", "ultralytics.nn.", "ultralytics.utils.")
"""What is in there is taken for a thing with attributes, never for code."""
NAMES = frozenset((
    "torch Size", "torch device", "torch dtype", "torch.nn Identity", "torch.nn SiLU",
    "numpy dtype", "numpy ndarray", "numpy.core.multiarray scalar",
    "numpy.core.multiarray _reconstruct", "numpy._core.multiarray scalar",
    "numpy._core.multiarray _reconstruct", "pathlib Path", "pathlib PosixPath",
    "pathlib WindowsPath", "pathlib PurePosixPath", "pathlib._local PosixPath",
    "types SimpleNamespace", "argparse Namespace", "datetime datetime", "datetime date",
    "datetime timezone", "datetime timedelta", "copyreg _reconstructor", "_codecs encode",
))  # fmt: skip
BUILTINS = frozenset(("object", "list", "dict", "tuple", "slice", "complex", "bytearray", "int",
                      "float", "str", "bool", "range"))  # fmt: skip
STORAGES = {
    "FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "BFloat16Storage": "bf16",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "<i1",
    "ByteStorage": "|u1", "BoolStorage": "|b1",
}  # fmt: skip
"""torch's element types, in numpy's words."""
MOST_CLASSES = 1000


class Inert:
    """Stands for an object of a class that is not there; `state` is what it was pickled with."""

    path = ""

    def __new__(cls, *given: object, **named: object) -> "Inert":
        """Take whatever a constructor would take."""
        made = super().__new__(cls)
        made.given = (*given, *named.values())
        made.state = None
        return made

    def __init__(self, *given: object, **named: object) -> None:
        self.given: tuple[object, ...]
        self.state: object

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, key: object, value: object) -> None:
        """Of subclasses of dict and list: not kept."""

    def append(self, value: object) -> None:
        """Of subclasses of list: not kept."""

    def attributes(self) -> dict[str, Any]:
        """The object's attributes as pickled; {} where there are none."""
        return self.state if isinstance(self.state, dict) else {}


class Checkpoint(pickle.Unpickler):
    """One pickle.

    Args:
        storage: makes a tensor's storage out of its element type and its key.
        tensor: makes a tensor out of a storage, an offset, sizes and strides.
    """

    def __init__(
        self,
        data: bytes,
        storage: Callable[[str, str, int], object],
        tensor: Callable[[object, int, tuple[int, ...], tuple[int, ...]], object],
    ) -> None:
        super().__init__(BytesIO(data), encoding="utf-8", errors="replace")
        self._storage = storage
        self._tensor = tensor
        self._classes: dict[str, type[Inert]] = {}

    def find_class(self, module: str, name: str, /) -> Any:
        """What a name of the pickle stands for.

        Raises:
            ModelRefused: no checkpoint of a detector names that.
        """
        if module == "collections" and name == "OrderedDict":
            return OrderedDict
        if module in ("builtins", "__builtin__"):
            if name in ("set", "frozenset"):
                return _set
            if name in BUILTINS:
                return self._inert(module, name)
        if module == "torch._utils":
            if name == "_rebuild_tensor_v2":
                return self._rebuilt
            if name in ("_rebuild_parameter", "_rebuild_parameter_with_state"):
                return _first
        if module == "torch" and name in STORAGES:
            return _StorageType(STORAGES[name])
        if f"{module} {name}" in NAMES or f"{module}.".startswith(MODULES):
            return self._inert(module, name)
        raise ModelRefused(
            f"The checkpoint names {module[:80]}.{name[:80]}, which no Ultralytics detector does. "
            "It may have been made to run a program, and was not read any further.",
            code="pickle_foreign",
        )

    def persistent_load(self, pid: Any, /) -> object:
        """The storage of a tensor: ``("storage", type, key, device, elements)``."""
        if not (isinstance(pid, tuple) and len(pid) == 5 and pid[0] == "storage"):
            raise pickle.UnpicklingError("a reference that is no storage")
        _, kind, key, _, elements = pid
        if not isinstance(kind, _StorageType) or not isinstance(key, str):
            raise pickle.UnpicklingError("a storage of no known type")
        if not isinstance(elements, int) or elements < 0:
            raise pickle.UnpicklingError("a storage of no size")
        return self._storage(kind.element, key, elements)

    def _inert(self, module: str, name: str) -> type[Inert]:
        path = f"{module}.{name}"
        if path not in self._classes:
            if len(self._classes) >= MOST_CLASSES:
                raise pickle.UnpicklingError("too many classes")
            self._classes[path] = type("Inert", (Inert,), {"path": path})
        return self._classes[path]

    def _rebuilt(self, storage: object, offset: int, size: Any, stride: Any, *_: object) -> object:
        return self._tensor(storage, offset, tuple(size), tuple(stride))


class _StorageType(NamedTuple):
    """``torch.FloatStorage`` and its like, which a pickle names and never calls.

    A tuple, as everything else the pickle gets hold of is inert or cannot be changed by it.
    """

    element: str


def _set(items: object = ()) -> frozenset[object]:
    """Only plain values are kept: hashing must not run anything of the pickle's."""
    if not isinstance(items, list | tuple):
        return frozenset()
    return frozenset(item for item in items if type(item) in (str, int, float, bool))


def _first(value: object, *_: object) -> object:
    """A parameter is its tensor."""
    return value

"""Checkpoints written by hand: what torch.save writes, and what somebody with bad intent would."""

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Name:
    """A name the pickle looks up: ``module.name``."""

    module: str
    name: str

    def __call__(self, *_: object) -> object:
        """Never called here; a pickler wants to see that it could be."""
        raise AssertionError


@dataclass(frozen=True)
class Call:
    """``function(*given)``, then the state that is set on what comes back."""

    function: Name
    given: tuple[Any, ...] = ()
    state: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.function, self.given)
        return parts if self.state is None else (*parts, self.state)


@dataclass(frozen=True)
class Storage:
    """A reference to the member ``data/<key>``."""

    key: str
    elements: int
    kind: str = "FloatStorage"


_PICKLER: Any = getattr(pickle, "_Pickler")  # noqa: B009 - the one in Python, which can be bent


class _Writer(_PICKLER):
    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Name):
            self.write(f"c{obj.module}\n{obj.name}\n".encode())
            return
        super().save(obj, save_persistent_id)

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, Storage):
            return ("storage", Name("torch", obj.kind), obj.key, "cpu", obj.elements)
        return None


def pickled(value: Any) -> bytes:
    """`value` as a pickle of protocol 2, as torch writes it."""
    out = BytesIO()
    _Writer(out, 2).dump(value)
    return out.getvalue()


def tensor(
    storage: Storage,
    size: tuple[Any, ...],
    stride: tuple[Any, ...] | None = None,
    offset: Any = 0,
) -> Call:
    """A tensor; C-contiguous unless strides say otherwise."""
    if stride is None:
        steps = np.cumprod([1, *reversed(size)])[:-1][::-1]
        stride = tuple(int(step) for step in steps)
    hooks: dict[str, Any] = {}
    given = (storage, offset, size, stride, False, hooks)
    return Call(Name("torch._utils", "_rebuild_tensor_v2"), given)


def module(
    path: str = "torch.nn.modules.conv.Conv2d",
    parameters: Mapping[str, Any] | None = None,
    parts: Mapping[str, Any] | None = None,
    **attributes: Any,
) -> Call:
    """A torch module as torch pickles it."""
    where, _, name = path.rpartition(".")
    state = {
        "_parameters": dict(parameters or {}),
        "_buffers": {},
        "_modules": dict(parts or {}),
        "_non_persistent_buffers_set": Call(Name("__builtin__", "set"), ([],)),
        **attributes,
    }
    return Call(Name(where, name), (), state)


def detector(**attributes: Any) -> Call:
    """A detector of one layer with four weights, 0 to 3, in the storage ``0``."""
    weights = Call(
        Name("torch._utils", "_rebuild_parameter"),
        (tensor(Storage("0", 4), (2, 2)), True, {}),
    )
    given: dict[str, Any] = {
        "yaml": {"yaml_file": "yolo11n.yaml", "scale": "n", "nc": 2},
        "names": {0: "scratch", 1: "pit"},
        **attributes,
    }
    layer = module(parameters={"weight": weights, "bias": None})
    return module("ultralytics.nn.tasks.DetectionModel", parts={"0": layer}, **given)


FOUR = np.arange(4, dtype="<f4").tobytes()


def checkpoint(
    path: Path,
    value: Any = None,
    *,
    raw: bytes | None = None,
    storages: Mapping[str, bytes] | None = None,
    compression: int = zipfile.ZIP_STORED,
    more: Mapping[str, bytes] | None = None,
) -> Path:
    """Write a checkpoint with `value` (or the pickle `raw`) to `path`."""
    members = {
        "best/data.pkl": pickled(value) if raw is None else raw,
        "best/byteorder": b"little",
        **{f"best/data/{key}": data for key, data in (storages or {"0": FOUR}).items()},
        **(more or {}),
    }
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path

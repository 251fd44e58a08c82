"""A third party's distribution, as `test_third_party` installs it: a device of NumPy arrays.

torch gets the device "madeup" through its backend for Python; `core_kernels` gets an `add_norm` for
it through the entry point. Nothing of either is changed.
"""

from typing import Any, cast

import numpy as np
import torch
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from core_kernels.dispatch.capabilities import Capabilities, register_probe
from core_kernels.dispatch.registry import Implementation, register

Array = np.ndarray[Any, np.dtype[Any]]

#: How often the device's own implementation ran.
calls: list[str] = []


class DeviceTensor(torch.Tensor):
    """A tensor of the device "madeup"; its values are in `array`."""

    array: Array

    @staticmethod
    def __new__(cls, array: Array) -> "DeviceTensor":
        dtype = torch.from_numpy(array[:0].copy()).dtype
        made: Any = torch._C._acc.create_empty_tensor(array.shape, dtype)
        made.__class__ = cls
        return cast("DeviceTensor", made)

    def __init__(self, array: Array) -> None:
        self.array = array


def add_norm(
    x: DeviceTensor, residual: DeviceTensor, weight: DeviceTensor, bias: DeviceTensor | None,
    eps: float, rms: bool, keep: bool,
) -> tuple[DeviceTensor, ...]:  # fmt: skip
    """The operation as this device runs it."""
    calls.append("add_norm")
    total = x.array + residual.array
    mean = total.mean(-1, keepdims=True) * (not rms)
    scale = 1 / np.sqrt(np.square(total - mean).mean(-1, keepdims=True) + eps)
    normed = (total - mean) * scale * weight.array
    if bias is not None:
        normed = normed + bias.array
    nothing = np.empty(0, np.float32)
    return tuple(DeviceTensor(part) for part in (normed, total, nothing, nothing.copy()))


def install() -> None:
    """What the distribution's entry point names."""
    _setup_privateuseone_for_python_backend("madeup")
    register_probe("madeup", lambda device: Capabilities(device="madeup", name="Made-up device"))
    register(
        Implementation(
            operation="add_norm",
            name="madeup",
            run=add_norm,
            devices=frozenset({"madeup"}),
            rank=20,
        )
    )

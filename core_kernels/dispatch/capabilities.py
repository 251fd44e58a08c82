"""What a device can do: asked once, then known."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

import torch


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """One device, as far as choosing an implementation goes.

    Attributes:
        device: torch's device type, "cpu", "cuda" or one that a third party brings.
        name: what the maker calls it, e.g. "NVIDIA H100 80GB HBM3".
        compute: CUDA compute capability, None elsewhere.
        triton: Triton kernels run on tensors of this device.
        interpreted: they do so in Triton's interpreter, which is for tests: slow.
    """

    device: str
    name: str
    compute: tuple[int, int] | None = None
    triton: bool = False
    interpreted: bool = False


Probe = Callable[[torch.device], Capabilities]
_probes: dict[str, Probe] = {}


def register_probe(device_type: str, probe: Probe) -> None:
    """Say how the capabilities of a device type that torch alone does not describe are found."""
    _probes[device_type] = probe
    capabilities.cache_clear()


@lru_cache(maxsize=64)
def capabilities(device: torch.device) -> Capabilities:
    """The capabilities of `device`; asked of the hardware the first time only."""
    if device.type in _probes:
        return _probes[device.type](device)
    installed = find_spec("triton") is not None
    interpreted = installed and os.environ.get("TRITON_INTERPRET") == "1"
    if device.type == "cuda":
        return Capabilities(
            device="cuda",
            name=torch.cuda.get_device_name(device),
            compute=torch.cuda.get_device_capability(device),
            triton=installed,
            interpreted=interpreted,
        )
    return Capabilities(
        device=device.type, name=device.type, triton=interpreted, interpreted=interpreted
    )

"""Which runtimes there are. A third party adds its own without touching a file here.

A distribution names a function under the entry-point group ``core_kernels.runtimes``; it is called
with no argument before the first choice and calls `register`.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Protocol

from core_kernels.errors import ArgumentRefused, RuntimeMissing
from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.base import PRECISIONS, Runtime

GROUP = "core_kernels.runtimes"


class Open(Protocol):
    """What opens an artefact on a runtime."""

    def __call__(
        self, artefact: Artefact, *, device: str, precision: str, threads: int | None
    ) -> Runtime:
        """Load the network onto `device`; `threads` limits cores where the library can."""


@dataclass(frozen=True, kw_only=True)
class RuntimeKind:
    """One way to run networks.

    Attributes:
        name: e.g. ``openvino``.
        open: ``module:callable``, imported when it is first chosen, or the callable; an `Open`.
        reads: what it can load for each precision: a key of `artefact.FORMATS`.
        devices: device types it runs on: ``cpu``, ``cuda`` or others' own.
        needs: a module that must be installed.
        objection: why it cannot run on a device, asked of the machine; a phrase, or None.
    """

    name: str
    open: str | Open
    reads: dict[str, str]
    devices: frozenset[str]
    needs: str = ""
    objection: Callable[[str], str | None] = lambda device: None

    def why_not(self, formats: Collection[str], device: str, precision: str) -> str | None:
        """Why it cannot run such an artefact there, or None."""
        if device.partition(":")[0] not in self.devices:
            return f"it is for {', '.join(sorted(self.devices))}"
        if precision not in self.reads:
            return f"it computes in {', '.join(self.reads)}"
        if self.reads[precision] not in formats:
            return f"the artefact has no {self.reads[precision]} file"
        if self.needs and find_spec(self.needs) is None:
            return f"{self.needs} is not installed"
        return self.objection(device)

    def opener(self) -> Open:
        """What opens it, imported if need be."""
        return _imported(self.open) if isinstance(self.open, str) else self.open


@lru_cache(maxsize=64)
def _imported(name: str) -> Open:
    found: Open = resolve_name(name)
    return found


def _no_gpu(device: str) -> str | None:
    """Asks torch, which is imported only when a GPU is meant."""
    if not device.startswith("cuda"):
        return None
    available: bool = resolve_name("torch.cuda:is_available")()
    return None if available else "torch sees no GPU"


def _no_cuda_provider(device: str) -> str | None:
    if not device.startswith("cuda"):
        return None
    offered = resolve_name("onnxruntime:get_available_providers")()
    return None if "CUDAExecutionProvider" in offered else "this build has no CUDA provider"


_TORCH = {"fp32": "safetensors", "fp16": "safetensors", "bf16": "safetensors"}
_HERE = "core_kernels.runtimes"
_lock = threading.RLock()
_asked_others = False
_known: dict[str, RuntimeKind] = {
    kind.name: kind
    for kind in (
        RuntimeKind(
            name="torch",
            open=f"{_HERE}.torch_eager:TorchEager.open",
            reads=_TORCH,
            devices=frozenset({"cpu", "cuda"}),
            needs="torch",
            objection=_no_gpu,
        ),
        RuntimeKind(
            name="torch-compiled",
            open=f"{_HERE}.torch_compiled:TorchCompiled.open",
            reads=_TORCH,
            devices=frozenset({"cpu", "cuda"}),
            needs="torch",
            objection=lambda device: (
                _no_gpu(device) or resolve_name(f"{_HERE}.compiler:why_not_compiled")(device)
            ),
        ),
        RuntimeKind(
            name="torch-graphs",
            open=f"{_HERE}.torch_graphs:TorchGraphs.open",
            reads=_TORCH,
            devices=frozenset({"cuda"}),
            needs="torch",
            objection=_no_gpu,
        ),
        RuntimeKind(
            name="onnxruntime",
            open=f"{_HERE}.onnx_runtime:OnnxRuntime.open",
            reads={"fp32": "onnx", "int8": "onnx-int8"},
            devices=frozenset({"cpu", "cuda"}),
            needs="onnxruntime",
            objection=_no_cuda_provider,
        ),
        RuntimeKind(
            name="openvino",
            open=f"{_HERE}.openvino:OpenVino.open",
            reads={"fp32": "onnx", "int8": "onnx-int8"},
            devices=frozenset({"cpu"}),
            needs="openvino",
        ),
    )
}


def register(kind: RuntimeKind) -> None:
    """Add a runtime.

    Raises:
        ArgumentRefused: there is another one of that name, or it computes in no known precision.
    """
    unknown = sorted(set(kind.reads) - set(PRECISIONS))
    if unknown or not kind.reads:
        raise ArgumentRefused(
            f"The runtime {kind.name!r} computes in {unknown or 'nothing'}; allowed are "
            f"{', '.join(PRECISIONS)}."
        )
    with _lock:
        if _known.get(kind.name, kind) != kind:
            raise ArgumentRefused(
                f"There is a runtime named {kind.name!r} already; choose another name."
            )
        _known[kind.name] = kind


def unregister(name: str) -> None:
    """Take a runtime away; unknown names are ignored."""
    with _lock:
        _known.pop(name, None)


def runtimes() -> tuple[RuntimeKind, ...]:
    """All of them, those of installed distributions included."""
    global _asked_others
    with _lock:
        if not _asked_others:
            _asked_others = True
            for point in entry_points(group=GROUP):
                point.load()()
        return tuple(_known.values())


def able(
    formats: Collection[str], device: str, precision: str, offered: Sequence[RuntimeKind]
) -> tuple[RuntimeKind, ...]:
    """Those that can run such an artefact on `device`."""
    return tuple(kind for kind in offered if kind.why_not(formats, device, precision) is None)


def named(
    name: str,
    formats: Collection[str],
    device: str,
    precision: str,
    offered: Sequence[RuntimeKind],
) -> RuntimeKind:
    """The runtime of that name.

    Raises:
        RuntimeMissing: it cannot run the artefact there; every choice is listed with its reason.
    """
    reasons = {kind.name: kind.why_not(formats, device, precision) for kind in offered}
    for kind in offered:
        if kind.name == name and reasons[name] is None:
            return kind
    listed = "; ".join(f"{key} ({why})" if why else key for key, why in reasons.items())
    raise RuntimeMissing(
        f"The runtime {name!r} cannot run this artefact in {precision} on {device}. There are: "
        f"{listed or 'none'}."
    )

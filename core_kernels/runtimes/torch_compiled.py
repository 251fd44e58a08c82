"""torch compiled for static shapes, one compilation for each bucket that is used."""

import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.buckets import BUCKETS
from core_kernels.runtimes.ports import Port
from core_kernels.runtimes.torch_module import TorchNetwork, filled, named_outputs


class TorchCompiled(TorchNetwork):
    """A module behind `torch.compile`. The first call of a bucket compiles it, which takes seconds.

    Where the module cannot be traced whole, torch runs the parts between in eager mode.
    """

    name = "torch-compiled"

    def __init__(
        self,
        module: nn.Module,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        *,
        device: str = "cpu",
        precision: str = "fp32",
        buckets: Sequence[int] = BUCKETS,
        backend: str = "inductor",
    ) -> None:
        """As `TorchNetwork`; `backend` is one of torch's: ``inductor``, ``aot_eager``."""
        super().__init__(
            module, inputs, outputs, device=device, precision=precision, buckets=buckets
        )
        self._compiled = torch.compile(self._module, dynamic=False, backend=backend)
        self._lock = threading.Lock()
        self._ready: set[tuple[tuple[int, ...], ...]] = set()

    @classmethod
    def open(
        cls, artefact: Artefact, *, device: str, precision: str, threads: int | None
    ) -> "TorchCompiled":
        """See `registry.Open`."""
        return cls(
            filled(artefact),
            artefact.inputs,
            artefact.outputs,
            device=device,
            precision=precision,
            buckets=BUCKETS if artefact.batched else (),
        )

    def _call(self, tensors: list[Tensor]) -> list[Tensor]:
        shapes = tuple(tuple(tensor.shape) for tensor in tensors)
        if shapes in self._ready:
            return self._named(tensors)
        # One compilation at a time: the compiler's own locks let two threads do the same work.
        with self._lock:
            found = self._named(tensors)
            self._ready.add(shapes)
        return found

    def _named(self, tensors: list[Tensor]) -> list[Tensor]:
        found: Any = self._compiled(*tensors)
        named = named_outputs(found)
        return [named[port.name] for port in self.outputs]

    def _free(self) -> None:
        del self._compiled
        super()._free()

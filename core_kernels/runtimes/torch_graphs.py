"""torch as recorded launches: one CUDA graph for each bucket, replayed with one call.

A graph reads and writes fixed memory. So each bucket has input buffers that values are copied
into, and what a replay wrote is copied out before the next one. Graphs are recorded when a bucket
is first used, and all take their memory from one pool: only one of them runs at a time.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.buckets import BUCKETS
from core_kernels.runtimes.ports import Port
from core_kernels.runtimes.torch_module import TorchNetwork, filled

WARM_UP = 3
"""Calls before recording: libraries choose algorithms and take workspaces in the first ones."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One bucket: its memory, what plays it, and what lets go of it."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    replay: Callable[[], None]
    reset: Callable[[], None]


class Recorder:
    """Records calls on a device into graphs that share one memory pool.

    On the CPU nothing can be recorded: a replay is the same call again, written into the same
    memory, so that everything around it is the same code.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._pool: Any = torch.cuda.graph_pool_handle() if device.type == "cuda" else None

    def record(
        self, call: Callable[[list[Tensor]], list[Tensor]], inputs: list[Tensor]
    ) -> Recorded:
        """Record ``call(inputs)``; `inputs` become the memory that a replay reads."""
        if self.device.type != "cuda":
            return self._plain(call, inputs)
        side = torch.cuda.Stream(self.device)
        side.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                call(inputs)
        torch.cuda.current_stream(self.device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the device meanwhile: only this thread's calls are recorded.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            outputs = call(inputs)
        return Recorded(inputs=inputs, outputs=outputs, replay=graph.replay, reset=graph.reset)

    @staticmethod
    def _plain(call: Callable[[list[Tensor]], list[Tensor]], inputs: list[Tensor]) -> Recorded:
        outputs = [output.clone() for output in call(inputs)]

        def replay() -> None:
            for kept, found in zip(outputs, call(inputs), strict=True):
                kept.copy_(found)

        return Recorded(inputs=inputs, outputs=outputs, replay=replay, reset=lambda: None)


class TorchGraphs(TorchNetwork):
    """A module whose launches are recorded once for each static batch size.

    With `compiled`, what is recorded is the module behind `torch.compile`.
    """

    name = "torch-graphs"

    def __init__(
        self,
        module: nn.Module,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        *,
        device: str = "cuda",
        precision: str = "fp16",
        buckets: Sequence[int] = BUCKETS,
        compiled: bool = False,
    ) -> None:
        super().__init__(
            module, inputs, outputs, device=device, precision=precision, buckets=buckets
        )
        self._recorder = Recorder(self._on)
        self._recorded: dict[int, Recorded] = {}
        self._lock = threading.Lock()
        if compiled:
            self._module = torch.compile(self._module, dynamic=False)  # type: ignore[assignment]

    @classmethod
    def open(
        cls, artefact: Artefact, *, device: str, precision: str, threads: int | None
    ) -> "TorchGraphs":
        """See `registry.Open`."""
        return cls(
            filled(artefact),
            artefact.inputs,
            artefact.outputs,
            device=device,
            precision=precision,
            buckets=BUCKETS if artefact.batched else (),
        )

    @property
    def recorded(self) -> tuple[int, ...]:
        """Batch sizes recorded so far; 0 stands for a network that takes no batches."""
        return tuple(sorted(self._recorded))

    @property
    def nbytes(self) -> int:
        """Parameters and the fixed memory of every graph; not what lies between its launches."""
        fixed = sum(
            held.numel() * held.element_size()
            for graph in self._recorded.values()
            for held in (*graph.inputs, *graph.outputs)
        )
        return super().nbytes + fixed

    def _call(self, tensors: list[Tensor]) -> list[Tensor]:
        bucket = len(tensors[0]) if self.buckets else 0
        with self._lock:
            graph = self._recorded.get(bucket)
            if graph is None:
                fixed = [tensor.clone() for tensor in tensors]
                graph = self._recorded[bucket] = self._recorder.record(super()._call, fixed)
            for kept, tensor in zip(graph.inputs, tensors, strict=True):
                kept.copy_(tensor, non_blocking=True)
            graph.replay()
            # Copied on the same stream, before any later replay can write over it.
            return [output.clone() for output in graph.outputs]

    def _free(self) -> None:
        for graph in self._recorded.values():
            graph.reset()
        self._recorded.clear()
        del self._recorder
        super()._free()

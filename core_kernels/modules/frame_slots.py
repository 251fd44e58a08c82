"""One batch of frames on its way through a GPU: pinned memory, device memory, recorded graphs."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core_kernels.dispatch.frames import View
from core_kernels.errors import ArgumentRefused
from core_kernels.parts import in_parts
from core_kernels.structures.placing import COLUMNS

#: From bytes and table on the device, score floor and overlap to packed boxes.
Find = Callable[[list[Tensor], Tensor, float, float], Tensor]

#: Calls before a graph is recorded: libraries choose algorithms and take workspaces in them.
WARM_UP = 3
#: Frames begin at multiples of this many bytes in a slab.
ALIGNED = 256
#: Graphs that are kept: batch sizes times the pairs of score floor and overlap in use.
GRAPHS = 32


@dataclass(frozen=True, kw_only=True)
class _Recorded:
    """What a replay writes, and the tensors that it reads and nobody else may hold any more."""

    graph: Any
    packed: Tensor
    kept: list[Tensor]


class Slot:
    """Memory and graphs for one batch under way.

    Args:
        find: from bytes and table on the device to boxes.
        module: the network behind `find`.
        stream: where it computes; uploads have a stream of their own.
        pool: memory that graphs share: those of slots with one stream never run at once.
    """

    def __init__(self, find: Find, module: nn.Module, stream: torch.cuda.Stream, pool: Any) -> None:
        self._find, self._module, self._stream, self._pool = find, module, stream, pool
        self._upload = torch.cuda.Stream(stream.device)
        self._pinned = torch.empty(0, dtype=torch.uint8)
        self._bytes = torch.empty(0, dtype=torch.uint8, device=stream.device)
        self._table = torch.empty(0, dtype=torch.int64)
        self._found = torch.empty(0)
        self._given: Tensor | None = None
        self._tables: dict[int, Tensor] = {}
        self._recorded: OrderedDict[tuple[int, float, float], _Recorded] = OrderedDict()
        self._uploaded, self._done = torch.cuda.Event(), torch.cuda.Event()

    def pack(self, frames: Sequence[NDArray[np.uint8]]) -> tuple[Tensor, list[View]]:
        """Copy frames into this slot's pinned memory, on all cores; where they lie there.

        Raises:
            ArgumentRefused: a frame has another form.
        """
        views, starts, total = [], [], 0
        for index, frame in enumerate(frames):
            channels = 1 if frame.ndim == 2 else frame.shape[-1]
            if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or channels not in (1, 3):
                raise ArgumentRefused(
                    f"frames[{index}] is {frame.dtype} {frame.shape}; give uint8 [H, W, 3] or "
                    "[H, W]."
                )
            if not frame.size:
                raise ArgumentRefused(f"frames[{index}] has the shape {frame.shape}: it is empty.")
            height, width = frame.shape[:2]
            views.append(View.packed(total, width, height, channels=channels))
            starts.append(total)
            total += -(-frame.size // ALIGNED) * ALIGNED
        if total > self._pinned.numel():
            self._pinned = torch.empty(_grown(total), dtype=torch.uint8, pin_memory=True)
        slab = self._pinned.numpy()

        def copy(start: int, stop: int) -> None:
            for index in range(start, stop):
                frame = frames[index]
                np.copyto(slab[starts[index] :][: frame.size].reshape(frame.shape), frame)

        in_parts(copy, len(frames), least=1)
        return self._pinned[:total], views

    def upload(self, data: Tensor, table: Tensor, bucket: int) -> None:
        """Begin to copy the bytes and the table, filled up with empty rows, to the device."""
        device = self._stream.device
        if data.numel() > self._bytes.numel():
            # Recorded graphs read the old memory: they are recorded anew.
            self._done.synchronize()
            self._recorded.clear()
            self._bytes = torch.empty(_grown(data.numel()), dtype=torch.uint8, device=device)
        if len(self._table) < bucket:
            self._table = torch.zeros((bucket, len(COLUMNS)), dtype=torch.int64, pin_memory=True)
        if bucket not in self._tables:
            self._tables[bucket] = torch.zeros_like(self._table[:bucket], device=device)
        self._table[:bucket].zero_()
        self._table[: len(table)] = table
        self._given = data  # until the copy has ended
        self._upload.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(self._upload):
            self._upload.wait_event(self._done)
            self._bytes[: data.numel()].copy_(data, non_blocking=True)
            self._tables[bucket].copy_(self._table[:bucket], non_blocking=True)
            self._uploaded.record(self._upload)

    def compute(self, bucket: int, score_floor: float, overlap: float) -> None:
        """Begin to compute, and to copy the boxes back."""
        asked = bucket, score_floor, overlap
        with torch.cuda.stream(self._stream), torch.inference_mode():
            self._stream.wait_event(self._uploaded)
            if asked not in self._recorded:
                self._recorded[asked] = self._record(*asked)
                if len(self._recorded) > GRAPHS:
                    self._done.synchronize()  # none of them runs any more
                    self._recorded.popitem(last=False)
            self._recorded.move_to_end(asked)
            recorded = self._recorded[asked]
            recorded.graph.replay()
            packed = recorded.packed
            if self._found.shape[1:] != packed.shape[1:] or len(self._found) < len(packed):
                self._found = torch.empty(packed.shape, pin_memory=True)
            self._found[: len(packed)].copy_(packed, non_blocking=True)
            self._done.record(self._stream)

    def wait(self) -> Tensor:
        """The boxes, in memory that the next batch of this slot writes over."""
        self._done.synchronize()
        self._given = None
        return self._found

    def _record(self, bucket: int, score_floor: float, overlap: float) -> _Recorded:
        """Record a batch size, on real frames: kernels are tuned on what they will see."""
        given = [self._bytes], self._tables[bucket], score_floor, overlap
        for _ in range(WARM_UP):
            self._find(*given)
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the device meanwhile: only this one's calls are recorded.
        with torch.cuda.graph(
            graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
        ):
            packed = self._find(*given)
        return _Recorded(graph=graph, packed=packed, kept=_loose(self._module))


def _grown(nbytes: int) -> int:
    """The next power of two, so that batches a little larger need no new memory."""
    return 1 << max(nbytes - 1, 1).bit_length()


def _loose(module: nn.Module) -> list[Tensor]:
    """Tensors that parts of a network computed for this batch size and may replace for the next.

    A graph reads them where they were: Ultralytics' head keeps its anchors like that.
    """
    return [
        value
        for part in module.modules()
        for value in vars(part).values()
        if isinstance(value, Tensor)
    ]

"""One batch of frames on its way through a GPU: pinned memory, device memory, recorded graphs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core_kernels.dispatch.frames import View
from core_kernels.errors import ArgumentRefused
from core_kernels.modules.frame_sheet import Sheet, limits_in, table_in
from core_kernels.parts import in_parts

#: From bytes, table and limits on the device to packed boxes.
Find = Callable[[list[Tensor], Tensor, Tensor], Tensor]

#: Calls before a graph is recorded: libraries choose algorithms and take workspaces in them.
WARM_UP = 3
#: Frames begin at multiples of this many bytes in a slab.
ALIGNED = 256
#: Bytes that a thread copies at a time: less is not worth waking another one.
PIECE = 2 * 2**20


@dataclass(frozen=True, kw_only=True)
class _Recorded:
    """What a replay writes, and the tensors that it reads and nobody else may hold any more."""

    graph: Any
    found: Tensor
    kept: list[Tensor]


class Slot:
    """Memory and graphs for one batch under way: `begin`, then `wait`, before the next `begin`.

    A graph holds everything from the copy of the sheet to the copy of the boxes. It is recorded
    once a batch size: the sheet says where the frames lie, so their memory may move.

    Args:
        find: from bytes, table and limits on the device to boxes.
        module: the network behind `find`.
        stream: where it computes; uploads have a stream of their own.
        pool: memory that graphs share: those of slots with one stream never run at once.
        size: of the network's square picture, pixels.
        most: pictures of the largest batch.
    """

    def __init__(
        self, find: Find, module: nn.Module, stream: torch.cuda.Stream, pool: Any, *, size: int,
        most: int,
    ) -> None:  # fmt: skip
        device = stream.device
        self._find, self._module, self._stream, self._pool = find, module, stream, pool
        self._size = size
        self._upload = torch.cuda.Stream(device)
        self._pinned = torch.empty(0, dtype=torch.uint8)
        self._bytes = torch.empty(0, dtype=torch.uint8, device=device)
        self._origin = torch.zeros(1, dtype=torch.uint8, device=device)  # what graphs count from
        self._sheet = Sheet(most, pinned=True)
        self._sheet_there = torch.zeros_like(self._sheet.host, device=device)
        self._recorded: dict[int, _Recorded] = {}
        self._found = torch.empty(0)
        self._given: Tensor | None = None
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
        copy_in(frames, starts, self._pinned.numpy())
        return self._pinned[:total], views

    def begin(
        self, data: Tensor, views: Sequence[View], pictures: int, limits: tuple[float, float], *,
        alone: bool,
    ) -> None:  # fmt: skip
        """Begin to copy the bytes to the device, to compute, and to copy the boxes back.

        Args:
            data: uint8, one dimension; on this device it is read where it lies.
            views: where the frames are in `data`.
            pictures: the batch size, at least as many as there are views.
            limits: score floor and overlap.
            alone: nothing else is under way that the copy could run beside.
        """
        self._given = data  # until the boxes are there
        if data.device == self._stream.device:
            self._stream.wait_stream(torch.cuda.current_stream(data.device))
            first = data.data_ptr()
        else:
            first = self._copied(data, self._stream if alone else self._upload)
        apart = first - self._origin.data_ptr()
        self._sheet.write(views, self._size, pictures, limits, apart)
        with torch.cuda.stream(self._stream):
            if pictures not in self._recorded:
                with torch.inference_mode():
                    self._recorded[pictures] = self._record(pictures)
            recorded = self._recorded[pictures]
            recorded.graph.replay()
        self._found = recorded.found
        self._done.record(self._stream)

    def wait(self) -> Tensor:
        """The boxes, in memory that the next batch of this slot writes over."""
        self._done.synchronize()
        self._given = None
        return self._found

    def _copied(self, data: Tensor, stream: torch.cuda.Stream) -> int:
        """Begin to copy bytes to the device on `stream`; the address where they will lie."""
        nbytes, device = data.numel(), self._stream.device
        if nbytes > self._bytes.numel():
            self._bytes = torch.empty(_grown(nbytes), dtype=torch.uint8, device=device)
            stream.wait_stream(torch.cuda.current_stream(device))  # which may still use that memory
        with torch.cuda.stream(stream):
            self._bytes[:nbytes].copy_(data, non_blocking=True)
        if stream != self._stream:
            self._uploaded.record(stream)
            self._stream.wait_event(self._uploaded)
        return self._bytes.data_ptr()

    def _record(self, pictures: int) -> _Recorded:
        """Record a batch size, on real frames: kernels are tuned on what they will see."""
        here, there = self._sheet.host[: 1 + pictures], self._sheet_there[: 1 + pictures]

        def run() -> Tensor:
            there.copy_(here, non_blocking=True)
            return self._find([self._origin], table_in(there), limits_in(there))

        for _ in range(WARM_UP):
            packed = run()
        found = torch.empty(packed.shape, pin_memory=True)
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the device meanwhile: only this one's calls are recorded.
        with torch.cuda.graph(
            graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
        ):
            found.copy_(run(), non_blocking=True)
        return _Recorded(graph=graph, found=found, kept=_loose(self._module))


def copy_in(
    frames: Sequence[NDArray[np.uint8]], starts: Sequence[int], slab: NDArray[np.uint8]
) -> None:
    """Copy each frame to its first byte in `slab`, large ones in pieces of some rows."""
    pieces = []
    for frame, start in zip(frames, starts, strict=True):
        into = slab[start:][: frame.size].reshape(frame.shape)
        rows = max(PIECE * len(frame) // frame.size, 1)
        pieces += [
            (into[top : top + rows], frame[top : top + rows]) for top in range(0, len(frame), rows)
        ]

    def copy(start: int, stop: int) -> None:
        for into, piece in pieces[start:stop]:
            np.copyto(into, piece)

    in_parts(copy, len(pieces), least=1)


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

"""Frames in, boxes out: upload, `letterbox`, network, `detect_postprocess`, one copy back.

On a GPU frames are packed into pinned memory and uploaded on a stream of their own; letterbox,
network and suppression are one recorded graph for each batch size; the boxes come back in one copy.
Two batches are under way at a time, of one call or of two, so that one is packed and uploaded while
the other is computed. On a CPU the same class does the same steps one after the other.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core_kernels.dispatch.detect_postprocess import check_limits, limits_of
from core_kernels.dispatch.frames import View, views_of
from core_kernels.dispatch.letterbox import table_of
from core_kernels.errors import ArgumentRefused
from core_kernels.modules.frame_network import FrameNetwork
from core_kernels.modules.frame_slots import Slot
from core_kernels.modules.whole import Whole

Boxes = NDArray[np.float32]

#: Batch sizes that graphs are recorded for; a batch in between takes the next one.
BUCKETS = (1, 2, 4, 8, 16, 32, 64)
#: Batches under way at a time on a GPU.
SLOTS = 2


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of one of the frames of a batch, in its pixels."""

    frame: int
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Frames, and the pictures to look at.

    Attributes:
        frames: uint8 [H, W, 3] or [H, W] blue first, any sizes and strides.
        parts: what to look at; None for each frame as a whole.
        data: instead of frames, the bytes they lie in (uint8, one dimension), best in pinned
            memory; it stays as it is until the boxes are there.
        views: where in `data` the pictures are.
    """

    frames: Sequence[NDArray[np.uint8]] = ()
    parts: Sequence[Part] | None = None
    data: Tensor | None = None
    views: Sequence[View] = ()

    def __len__(self) -> int:
        if self.data is not None:
            return len(self.views)
        return len(self.frames if self.parts is None else self.parts)


class FrameDetector:
    """A detector on one device, for calls from several threads.

    Args:
        network: [B, 3, size, size] red first, 0 to 1 → the head, or a sequence that begins with it.
            It is moved to the device and kept.
        size: of the square picture, pixels.
        final: the head is NMS-free, see `detect_postprocess`.
        dtype: of the network; fp16 on a GPU and fp32 elsewhere by default.
        compiled: put the network behind `torch.compile`, which takes a minute for each batch size.
        most: boxes kept of a picture.
        buckets: rising batch sizes; larger batches are refused.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        size: int,
        device: torch.device | str,
        final: bool = False,
        dtype: torch.dtype | None = None,
        compiled: bool = False,
        most: int = 300,
        padding: int = 114,
        buckets: Sequence[int] = BUCKETS,
    ) -> None:
        self.device, self.size = torch.device(device), size
        self.buckets = tuple(buckets)
        self._on_gpu = self.device.type == "cuda"
        narrow = torch.float16 if self._on_gpu else torch.float32
        module = network.eval().to(self.device, dtype or narrow).requires_grad_(False)
        if self._on_gpu:
            module = module.to(memory_format=torch.channels_last)
        self._find = FrameNetwork(
            network=Whole(module) if compiled else module, size=size, dtype=dtype or narrow,
            padding=padding, channels_last=self._on_gpu, final=final, most=most,
        )  # fmt: skip
        #: Held by who uses the network or records it.
        self._lock = threading.Lock()
        self._free: SimpleQueue[Slot] = SimpleQueue()
        if self._on_gpu:
            compute = torch.cuda.Stream(self.device)
            pool = torch.cuda.graph_pool_handle()
            # Slots know nothing of the detector, so that all of their memory goes with it at once.
            for _ in range(SLOTS):
                slot = Slot(self._find, module, compute, pool, size=size, most=self.buckets[-1])
                self._free.put(slot)

    def ready(self) -> None:
        """Record every batch size now, so that no later call waits for it.

        Memory is taken for as many frames of the network's size as the largest batch holds. On a
        CPU there is nothing to record.
        """
        if not self._on_gpu:
            return
        noise = np.random.default_rng(0).integers(0, 256, (self.size, self.size, 3), np.uint8)
        for _ in range(SLOTS):  # the one that is taken goes to the end
            slot = self._free.get()
            try:
                for bucket in reversed(self.buckets):  # memory grows once
                    self._begin(slot, Batch(frames=[noise] * bucket), (0.5, 0.5), alone=True)
                    slot.wait()
            finally:
                self._free.put(slot)

    def detect(
        self, frames: Sequence[NDArray[np.uint8]], *, score_floor: float, overlap: float = 0.7
    ) -> list[Boxes]:
        """The boxes of each frame.

        Returns:
            for each frame [N, 6] fp32: x1, y1, x2, y2 in its pixels, score, class; strongest first.

        Raises:
            ArgumentRefused: a frame has another form, or there are more than the largest bucket.
        """
        batch = Batch(frames=frames)
        (found,) = self.stream([batch], score_floor=score_floor, overlap=overlap)
        return found

    def stream(
        self, batches: Iterable[Batch], *, score_floor: float, overlap: float = 0.7
    ) -> Iterator[list[Boxes]]:
        """The boxes of each picture of each batch, in order; on a GPU the next one is under way.

        Raises:
            ArgumentRefused: a frame has another form, a batch is larger than the largest bucket, or
                the score floor or the overlap is not from 0 to 1.
        """
        check_limits(score_floor, overlap)
        limits = score_floor, overlap
        if not self._on_gpu:
            with self._lock:
                for batch in batches:
                    yield _unpacked(self._on_host(batch, limits), len(batch))
            return
        single = isinstance(batches, Sequence) and len(batches) == 1
        under_way: deque[tuple[Slot, int]] = deque()
        try:
            for batch in batches:
                slot = None
                while slot is None:
                    try:
                        slot = self._free.get(block=not under_way)
                    except Empty:  # another call has it: what is under way here ends first
                        yield self._finished(*under_way.popleft())
                under_way.append((slot, len(batch)))
                alone = single and self._free.qsize() == SLOTS - 1
                self._begin(slot, batch, limits, alone=alone)
                if len(under_way) == SLOTS:
                    yield self._finished(*under_way.popleft())
            while under_way:
                yield self._finished(*under_way.popleft())
        finally:
            for slot, _ in under_way:
                with suppress(RuntimeError):  # the device was lost, which is being told
                    slot.wait()
                self._free.put(slot)

    def _finished(self, slot: Slot, count: int) -> list[Boxes]:
        """The boxes of what is under way in a slot, which is free again."""
        try:
            return _unpacked(slot.wait(), count)
        finally:
            self._free.put(slot)

    def _on_host(self, batch: Batch, limits: tuple[float, float]) -> Tensor:
        if not len(batch):
            return torch.zeros(0, 1 + self._find.most, 6)
        if batch.data is not None:
            data, views = [batch.data], list(batch.views)
        else:
            data, whole = views_of(batch.frames)
            views = whole if batch.parts is None else [_part(whole, part) for part in batch.parts]
        with torch.inference_mode():
            table = table_of(views, (self.size, self.size))
            return self._find(data, table, limits_of(*limits))

    def _begin(self, slot: Slot, batch: Batch, limits: tuple[float, float], *, alone: bool) -> None:
        bucket = self._bucket(len(batch))
        if batch.data is not None:
            data, views = batch.data, list(batch.views)
        else:
            data, whole = slot.pack(batch.frames)
            views = whole if batch.parts is None else [_part(whole, part) for part in batch.parts]
        with self._lock:
            slot.begin(data, views, bucket, limits, alone=alone)

    def _bucket(self, count: int) -> int:
        for bucket in self.buckets:
            if count <= bucket:
                return bucket
        raise ArgumentRefused(
            f"A batch has {count} pictures; at most {self.buckets[-1]} go at once: cut it."
        )


def _part(views: list[View], part: Part) -> View:
    return views[part.frame].part(part.left, part.top, part.width, part.height)


def _unpacked(packed: Tensor, count: int) -> list[Boxes]:
    """Copies, since the memory of a slot is used again."""
    rows: NDArray[np.float32] = packed.numpy()
    return [rows[index, 1 : 1 + int(rows[index, 0, 0])].copy() for index in range(count)]

"""Copy in, compute and copy out of successive batches at the same time.

A batch goes through three streams. With N slots, N batches are under way: while one is computed
the next is copied in and the one before is copied out. On the CPU there are no streams and each
batch is done at once; the code around it is the same.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from core_kernels.errors import ArgumentRefused
from core_kernels.transfer.pools import Block, MemoryPool

Tensors = Mapping[str, Tensor]
Compute = Callable[[dict[str, Tensor]], Tensors]


class Lane:
    """A stream of a GPU, or nothing on the CPU."""

    def __init__(self, device: torch.device) -> None:
        self.stream: Any = torch.cuda.Stream(device) if device.type == "cuda" else None

    def after(self, mark: "Mark | None") -> None:
        """Let all that follows here wait for a mark of another lane."""
        if self.stream is not None and mark is not None and mark.event is not None:
            self.stream.wait_event(mark.event)

    def run(self, work: Callable[[], Any]) -> tuple[Any, "Mark"]:
        """Queue `work` here; return what it returned and a mark after it."""
        if self.stream is None:
            return work(), Mark()
        with torch.cuda.stream(self.stream):
            found = work()
            event = torch.cuda.Event()
            event.record(self.stream)
        return found, Mark(event=event)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment in a lane's work."""

    event: Any = None

    def wait(self) -> None:
        """Block until it is reached."""
        if self.event is not None:
            self.event.synchronize()


@dataclass(kw_only=True)
class _Slot:
    """One batch under way. Its device tensors are kept until all streams are done with them."""

    blocks: list[Block] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)
    found: dict[str, Tensor] = field(default_factory=dict)
    done: Mark = field(default_factory=Mark)


class Pipeline:
    """Runs `compute` over batches with `slots` of them under way.

    Args:
        compute: takes tensors on `device` by name and returns such; it must not synchronise.
        device: ``cpu`` or a GPU.
        slots: batches under way; 1 waits for each.
        host: pinned memory that answers are copied into; without one it has its own of 256 MiB.
    """

    def __init__(
        self,
        compute: Compute,
        device: torch.device | str,
        *,
        slots: int = 3,
        host: MemoryPool | None = None,
    ) -> None:
        if slots < 1:
            raise ArgumentRefused(f"slots={slots} must be at least 1.")
        self.device, self.slots = torch.device(device), slots
        self._compute = compute
        self._host = host or MemoryPool(256 * 2**20, pinned=True)
        self._in, self._middle, self._out = (Lane(self.device) for _ in range(3))

    def run(self, batches: Iterable[Tensors]) -> Iterator[dict[str, Tensor]]:
        """The answers to `batches` on the host, in order.

        Args:
            batches: tensors on the host by name. Pinned ones are copied beside other work, and must
                stay as they are until the answer to their batch was given.

        Yields:
            tensors that are valid until the next answer is asked for.
        """
        under_way: deque[_Slot] = deque()
        last: _Slot | None = None
        try:
            for batch in batches:
                under_way.append(self._begin(batch))
                if len(under_way) >= self.slots:
                    last = self._finished(under_way.popleft(), last)
                    yield last.found
            while under_way:
                last = self._finished(under_way.popleft(), last)
                yield last.found
        finally:
            for slot in (*under_way, last):
                if slot is not None:
                    slot.done.wait()
                    self._release(slot)

    def _begin(self, batch: Tensors) -> _Slot:
        slot = _Slot()
        placed, here = self._in.run(
            lambda: {
                name: value.to(self.device, non_blocking=True) for name, value in batch.items()
            }
        )
        slot.kept += [batch, placed]
        self._middle.after(here)
        found, computed = self._middle.run(lambda: dict(self._compute(placed)))
        slot.kept.append(found)
        self._out.after(computed)
        slot.found, slot.done = self._out.run(lambda: self._copied_out(found, slot))
        return slot

    def _copied_out(self, found: Tensors, slot: _Slot) -> dict[str, Tensor]:
        out = {}
        for name, value in found.items():
            block = self._host.take(max(value.numel() * value.element_size(), 1))
            slot.blocks.append(block)
            out[name] = block.tensor(value.shape, value.dtype)
            out[name].copy_(value, non_blocking=True)
        return out

    def _finished(self, slot: _Slot, before: _Slot | None) -> _Slot:
        """Wait for a batch; the answer before it was used up."""
        if before is not None:
            self._release(before)
        slot.done.wait()
        # Only now may the device's allocator have these again: other streams used them.
        slot.kept.clear()
        return slot

    @staticmethod
    def _release(slot: _Slot) -> None:
        for block in slot.blocks:
            block.give_back()
        slot.blocks.clear()
        slot.kept.clear()

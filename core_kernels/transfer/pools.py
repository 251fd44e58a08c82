"""Memory that is kept for the next user: pinned on the host where there is a GPU, and on a device.

Allocating pinned memory takes milliseconds and stops the device, so it is done once and the blocks
go round. A block is handed out whole; blocks have the sizes of `rounded`.
"""

import threading
from collections.abc import Sequence
from types import TracebackType

import torch
from torch import Tensor

from core_kernels.errors import ArgumentRefused, PoolExhausted

_SMALLEST = 4096


def rounded(nbytes: int) -> int:
    """The size of the block that serves `nbytes`: a power of two, or a multiple of 16 MiB."""
    large = 16 * 2**20
    if nbytes > large:
        return -(-nbytes // large) * large
    size = _SMALLEST
    while size < nbytes:
        size *= 2
    return size


class Block:
    """One piece of a pool's memory; leaving its ``with`` gives it back."""

    def __init__(self, pool: "MemoryPool", memory: Tensor) -> None:
        self._pool, self._memory = pool, memory

    @property
    def nbytes(self) -> int:
        """Its whole size."""
        return self._memory.numel()

    def tensor(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Its first bytes as a tensor of that form; what is in it is whatever was there before.

        Raises:
            ArgumentRefused: the tensor is larger than the block.
        """
        count = 1
        for size in shape:
            count *= size
        needed = count * dtype.itemsize
        if needed > self.nbytes:
            raise ArgumentRefused(
                f"A tensor {list(shape)} of {dtype} has {needed} bytes; the block has "
                f"{self.nbytes}. Take a larger one."
            )
        return self._memory[:needed].view(dtype).view(tuple(shape))

    def give_back(self) -> None:
        """Let the next user have it; nothing may still read or write it, on any stream."""
        self._pool._take_back(self)

    def __enter__(self) -> "Block":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.give_back()


class MemoryPool:
    """Blocks of memory on one device, at most `limit_bytes` of them. Thread-safe.

    Args:
        device: ``cpu`` or a GPU.
        pinned: of the host's memory: copies to and from a GPU then run beside other work. Where
            torch sees no GPU the memory is plain, and everything else the same.
    """

    def __init__(
        self, limit_bytes: int, device: torch.device | str = "cpu", *, pinned: bool = False
    ) -> None:
        self.limit_bytes = limit_bytes
        self.device = torch.device(device)
        if pinned and self.device.type != "cpu":
            raise ArgumentRefused(f"pinned=True is for the host's memory; {device} is a device.")
        self.pinned = pinned and torch.cuda.is_available()
        self._lock = threading.Lock()
        self._free: dict[int, list[Tensor]] = {}
        self._out: set[int] = set()
        self._held_bytes = 0

    def take(self, nbytes: int) -> Block:
        """A block of at least `nbytes`: a kept one, or new memory.

        Raises:
            PoolExhausted: all memory the pool may hold is in use.
        """
        size = rounded(nbytes)
        with self._lock:
            kept = self._free.get(size)
            if kept:
                return self._handed_out(kept.pop())
            while self._held_bytes + size > self.limit_bytes and self._drop_one():
                pass
            if self._held_bytes + size > self.limit_bytes:
                raise PoolExhausted(
                    f"{size} bytes were asked for; {self._held_bytes} of {self.limit_bytes} are "
                    "in use. Wait until some come back, or give the pool more."
                )
            self._held_bytes += size
        try:
            memory = torch.empty(
                size, dtype=torch.uint8, device=self.device, pin_memory=self.pinned
            )
        except RuntimeError:
            with self._lock:
                self._held_bytes -= size
            raise
        with self._lock:
            return self._handed_out(memory)

    def usage(self) -> dict[str, int]:
        """Bytes held, and how many of them are in use."""
        with self._lock:
            free = sum(size * len(kept) for size, kept in self._free.items())
            return {
                "held": self._held_bytes,
                "in_use": self._held_bytes - free,
                "limit": self.limit_bytes,
            }

    def close(self) -> None:
        """Free what is not in use; a block that is goes when it is given back."""
        with self._lock:
            self.limit_bytes = 0
            while self._drop_one():
                pass

    def _handed_out(self, memory: Tensor) -> Block:
        block = Block(self, memory)
        self._out.add(id(block))
        return block

    def _take_back(self, block: Block) -> None:
        with self._lock:
            if id(block) not in self._out:
                return  # given back before
            self._out.remove(id(block))
            self._free.setdefault(block.nbytes, []).append(block._memory)
            while self._held_bytes > self.limit_bytes and self._drop_one():
                pass

    def _drop_one(self) -> bool:
        """Free the largest block that nobody has."""
        largest = max((size for size, kept in self._free.items() if kept), default=0)
        if largest:
            self._free[largest].pop()
            self._held_bytes -= largest
        return bool(largest)

"""A piece of shared memory that two processes see, and numpy views into it."""

import contextlib
import mmap
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

import numpy as np

ALIGNMENT = 64
"""Every array starts at a multiple of this many bytes: one cache line, enough for any SIMD load."""

DTYPES = {
    np.dtype(name).str: np.dtype(name)
    for name in (
        *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
        *("float16", "float32", "float64"),
    )
}
"""The numbers that may cross a process border, by numpy's own short name."""
WIDEST_TEXT = 2**16
"""Characters of an element of a text array, at most."""


def plain(dtype: str | np.dtype) -> np.dtype | None:
    """The element type, if its values may cross a process border as bare memory: a number, a truth
    value or fixed-width text; else None."""
    kind = np.dtype(dtype)
    if kind.kind == "U" and kind.isnative and 0 < kind.itemsize <= 4 * WIDEST_TEXT:
        return kind
    return DTYPES.get(kind.str)


def is_text(array: np.ndarray) -> bool:
    """Whether the bare memory of a contiguous text array holds characters only, as it need not
    when somebody else wrote it."""
    codes = array.reshape(-1).view(np.uint32)
    return bool(codes.max(initial=0) <= sys.maxunicode)


POPULATED_BYTES = 16 * 2**20


class OutsideSlab(ValueError):
    """An array was described that does not lie within its slab."""


class Slab:
    """A mapped file of `nbytes` bytes.

    A context manager: leaving it gives the memory back, and arrays made from it must not be used
    any more, since the next owner writes over them.

    Attributes:
        name: how the engine knows the slab; for private memory just a label.
        fd: the open file, to be handed to another process.
    """

    def __init__(
        self, name: str, fd: int, nbytes: int, on_close: Callable[["Slab"], None] | None = None
    ) -> None:
        self.name = name
        self.fd = fd
        self.nbytes = nbytes
        self._on_close = on_close
        # Mapping a small slab's pages at once costs less than a page fault for each.
        populate = mmap.MAP_POPULATE if nbytes <= POPULATED_BYTES else 0
        self._mapped = mmap.mmap(fd, nbytes, mmap.MAP_SHARED | populate)
        self._bytes = np.frombuffer(self._mapped, dtype=np.uint8)
        self.address = int(self._bytes.__array_interface__["data"][0])
        self.open = True

    @classmethod
    def private(cls, nbytes: int) -> "Slab":
        """Anonymous shared memory, freed when the last array made from it is gone."""
        fd = os.memfd_create("loupe-private", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, max(nbytes, 1))
            return cls("private", fd, max(nbytes, 1))
        except OSError:
            os.close(fd)
            raise

    def array(self, dtype: str | np.dtype, shape: Sequence[int], offset: int = 0) -> np.ndarray:
        """A view of `shape` elements that starts `offset` bytes into the slab.

        Raises:
            OutsideSlab: the element type is neither a plain number nor text, a size is negative,
                or the view would not lie within the slab.
        """
        kind = plain(dtype)
        if kind is None:
            raise OutsideSlab(f"The element type {dtype!r} may not cross a process border.")
        if offset < 0 or any(size < 0 for size in shape) or len(shape) > 32:
            raise OutsideSlab(f"shape={tuple(shape)} at offset {offset} is not a valid array.")
        nbytes = kind.itemsize
        for size in shape:
            nbytes *= size
        if offset + nbytes > self.nbytes:
            raise OutsideSlab(
                f"An array of {nbytes} bytes at offset {offset} does not lie within a slab of "
                f"{self.nbytes} bytes."
            )
        return self._bytes[offset : offset + nbytes].view(kind).reshape(tuple(shape))

    def offset_of(self, array: np.ndarray) -> int | None:
        """Where in this slab a C-contiguous `array` lies, in bytes; None if it lies elsewhere."""
        start = int(array.__array_interface__["data"][0]) - self.address
        if start < 0 or start + array.nbytes > self.nbytes or not array.flags.c_contiguous:
            return None
        return start

    def touches(self, array: np.ndarray) -> bool:
        """Whether any element of `array` may lie in this slab."""
        return bool(np.may_share_memory(array, self._bytes))

    def close(self) -> None:
        """Give the memory back; a second call changes nothing."""
        if not self.open:
            return
        self.open = False
        if self._on_close is not None:
            self._on_close(self)
        else:
            self.unmap()

    def unmap(self) -> None:
        """Close the file; the mapping itself goes when the last view of it does."""
        self.open = False
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        self._bytes = np.empty(0, dtype=np.uint8)
        # A view somebody still holds keeps the mapping alive; it is freed with that view.
        with contextlib.suppress(BufferError):
            self._mapped.close()

    def __enter__(self) -> "Slab":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "fd", -1) >= 0:
            os.close(self.fd)
            self.fd = -1


def layout(sizes: Sequence[int]) -> Iterator[int]:
    """Offsets of consecutive arrays of the given byte sizes, each aligned."""
    offset = 0
    for size in sizes:
        yield offset
        offset += (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def room_for(sizes: Sequence[int]) -> int:
    """Bytes needed to hold arrays of the given byte sizes, each aligned."""
    return sum((size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT for size in sizes)

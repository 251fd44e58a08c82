"""A table that will be needed soon, given its memory bit by bit in the background."""

from typing import Any

from numpy.typing import NDArray

from core_kernels.structures.backing import ready
from core_kernels.structures.growing import zeros

PER_EVENT = 24
"""Rows that are made ready for each event."""


class Readying:
    """The next of a row of tables."""

    def __init__(self) -> None:
        self._array: NDArray[Any] | None = None
        self._ready = 0

    def get_on(self, rows: int, like: NDArray[Any], events: int) -> None:
        """Have a part of a table of `rows` rows with the columns of `like` made ready."""
        if self._array is None:
            self._array = zeros((rows, *like.shape[1:]), like.dtype)
            self._ready = 0
        self._ready = min(self._ready + PER_EVENT * events, len(self._array))
        ready(self._array, self._ready)

    def take(self, rows: int, like: NDArray[Any]) -> NDArray[Any]:
        """A table of zeros with at least `rows` rows: the one that was made ready, if it is."""
        array, self._array = self._array, None
        if array is None or len(array) < rows:
            return zeros((rows, *like.shape[1:]), like.dtype)
        return array

    @property
    def nbytes(self) -> int:
        """Bytes of what is ready."""
        return 0 if self._array is None else self._ready * self._array[:1].nbytes

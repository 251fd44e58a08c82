"""A table that will be needed soon, zeroed bit by bit, so that nobody waits for fresh memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

PER_EVENT = 24
"""Rows that are zeroed for each event."""


class Readying:
    """The next of a row of tables."""

    def __init__(self) -> None:
        self._array: NDArray[Any] | None = None
        self._zeroed = 0

    def get_on(self, rows: int, like: NDArray[Any], events: int) -> None:
        """Zero a part of a table of `rows` rows with the columns of `like`."""
        if self._array is None:
            self._array = np.empty((rows, *like.shape[1:]), like.dtype)
            self._zeroed = 0
        stop = min(self._zeroed + PER_EVENT * events, len(self._array))
        self._array[self._zeroed : stop] = 0
        self._zeroed = stop

    def take(self, rows: int, like: NDArray[Any]) -> NDArray[Any]:
        """A table of zeros with at least `rows` rows: the one that was made ready, if it is."""
        array, self._array = self._array, None
        if array is None or len(array) < rows:
            return np.zeros((rows, *like.shape[1:]), like.dtype)
        array[self._zeroed :] = 0
        return array

    @property
    def nbytes(self) -> int:
        """Bytes of what is ready."""
        return 0 if self._array is None else self._zeroed * self._array[:1].nbytes

"""What a batch asks of a recorded graph, in one piece of memory: limits, then a row a picture.

A graph reads all of it from the device, so that one graph serves frames of any size, wherever they
lie, and boxes of any score floor and overlap.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core_kernels.dispatch.frames import View
from core_kernels.dispatch.letterbox import row_of
from core_kernels.structures.placing import COLUMNS

_FIRST = COLUMNS.index("first")


class Sheet:
    """The host's side of a sheet for at most so many pictures, in pinned memory if `pinned`.

    Attributes:
        host: int64 [1 + pictures, 11]; row 0 holds the limits, the others are those of `table_of`.
    """

    def __init__(self, pictures: int, *, pinned: bool) -> None:
        self.host = torch.zeros((1 + pictures, len(COLUMNS)), dtype=torch.int64, pin_memory=pinned)
        self._rows = self.host.numpy()
        self._limits = self._rows[0].view(np.float32)

    def write(
        self, views: Sequence[View], size: int, pictures: int, limits: tuple[float, float],
        apart: int = 0,
    ) -> None:  # fmt: skip
        """Write what `pictures` rows say: those of `views`, then empty ones.

        Args:
            size: of the square picture, pixels.
            limits: score floor and overlap.
            apart: bytes from the memory that the graph was given to the memory of the frames.
        """
        count = len(views)
        self._limits[:2] = limits
        if count:
            rows = self._rows[1 : 1 + count]
            rows[:] = [row_of(view, size, size) for view in views]
            rows[:, _FIRST] += apart
        self._rows[1 + count : 1 + pictures] = 0


def limits_in(sheet: Tensor) -> Tensor:
    """Score floor and overlap, fp32 [2], where they lie in a sheet."""
    return sheet[0].view(torch.float32)[:2]


def table_in(sheet: Tensor) -> Tensor:
    """The table for `letterbox_packed`, int64 [pictures, 11], where it lies in a sheet."""
    return sheet[1:]

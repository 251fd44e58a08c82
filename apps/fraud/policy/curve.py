"""How many frauds each share of stopped legitimate payments buys: what the picture draws."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

MOST_POINTS: Final = 160
SMALLEST: Final = 1e-6
"""The smallest share that is drawn; the axis is logarithmic."""


class Curve(BaseModel):
    """Points of one cut-off for all amounts, shares falling with the cut-off.

    Attributes:
        honest: share of legitimate rows at or above each cut-off.
        fraud: share of frauds at or above it.
        cut: the cut-off itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    honest: tuple[float, ...] = ()
    fraud: tuple[float, ...] = ()
    cut: tuple[float, ...] = ()


def curve(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> Curve:
    """The curve of rows with a known label (1 fraud, 0 honest); empty without one of either."""
    honest = np.sort(scores[labels == 0])[::-1]
    fraud = np.sort(scores[labels == 1])
    if not len(honest) or not len(fraud):
        return Curve()
    most = len(honest)
    stops = np.geomspace(1, most, MOST_POINTS)
    counts = np.unique(np.concatenate([[0], np.rint(stops).astype(np.int64)]))
    above = np.nextafter(honest[np.minimum(counts, most - 1)], np.inf)
    cuts = np.where(counts >= most, honest[-1], above)
    # Ties: a cut-off between equal scores does not exist, so the share is counted anew.
    reached = most - np.searchsorted(honest[::-1], cuts, side="left")
    caught = len(fraud) - np.searchsorted(fraud, cuts, side="left")
    _, first = np.unique(reached, return_index=True)
    return Curve(
        honest=tuple((reached[first] / most).tolist()),
        fraud=tuple((caught[first] / len(fraud)).tolist()),
        cut=tuple(cuts[first].tolist()),
    )

"""Ladders: cut-offs for all bands, from the strictest step down, fixed by the choosing rows alone.

Step 0 lets all honest rows that chose through. Each later step costs the choosing rows more honest
transactions, so walking down trades false positives for frauds, one dimension for all bands.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.fraud.thresholds.rows import Scored

Floats = NDArray[np.float64]
NEVER = 2.0
"""A cut-off that no score reaches."""
STEPS = 400


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """`cuts` float64 [steps, bands], falling in every band."""

    cuts: Floats

    def hits(self, rows: Scored) -> NDArray[np.int64]:
        """How many rows reach their band's cut-off, at each step [steps]."""
        total = np.zeros(len(self.cuts), dtype=np.int64)
        for band in range(self.cuts.shape[1]):
            scores = np.sort(rows.score[rows.band == band])
            total += len(scores) - np.searchsorted(scores, self.cuts[:, band], side="left")
        return total


def even(honest: Scored, bands: int, most: float) -> Ladder:
    """The same share of honest rows in every band, from none up to the share `most`."""
    shares = np.concatenate([[0.0], np.geomspace(most / STEPS, most, STEPS)])
    columns = []
    for band in range(bands):
        scores = np.sort(honest.score[honest.band == band])[::-1]
        columns.append(_above(scores, np.floor(shares * len(scores) + 1e-9).astype(np.int64)))
    return _ladder(columns)


def money(honest: Scored, fraud: Scored, bands: int, most: float) -> Ladder:
    """Each band as far down as one more honest row stops money enough, the price falling.

    Of all cut-offs that cost as many honest rows these stop the most money (the bands' curves of
    money over honest rows, made concave, are walked in the order of their slopes).
    """
    curves = [
        _concave(honest.only(honest.band == band), fraud.only(fraud.band == band))
        for band in range(bands)
    ]
    steps = sorted(
        (-slope, band, index)
        for band, (counts, slopes) in enumerate(curves)
        for index, slope in enumerate(slopes)
    )
    taken = np.zeros((len(steps) + 1, bands), dtype=np.int64)
    for number, (_, band, index) in enumerate(steps):
        taken[number + 1] = taken[number]
        taken[number + 1, band] = curves[band][0][index + 1]
    within = taken.sum(axis=1) <= most * len(honest.score)
    taken = taken[within]
    taken = taken[np.unique(np.linspace(0, len(taken) - 1, STEPS + 1).astype(np.int64))]
    columns = []
    for band in range(bands):
        scores = np.sort(honest.score[honest.band == band])[::-1]
        columns.append(_above(scores, taken[:, band]))
    return _ladder(columns)


def _above(falling: Floats, allowed: NDArray[np.int64]) -> Floats:
    """For each count the lowest cut-off that at most so many of the scores reach."""
    if not len(falling):
        return np.full(len(allowed), NEVER)
    at = np.minimum(allowed, len(falling) - 1)
    cuts = np.nextafter(falling[at], np.inf)
    return np.where(allowed >= len(falling), falling[-1], cuts)


def _concave(honest: Scored, fraud: Scored) -> tuple[NDArray[np.int64], Floats]:
    """Corners of money stopped over honest rows stopped: counts [k + 1] and slopes [k], falling."""
    falling = np.sort(honest.score)[::-1]
    counts = np.unique(
        np.concatenate([[0, len(falling)], np.geomspace(1, max(1, len(falling)), 300)])
    ).astype(np.int64)
    counts = np.unique(np.minimum(counts, len(falling)))
    order = np.argsort(fraud.score)
    scores = fraud.score[order]
    rest = np.concatenate([np.cumsum(fraud.amount[order][::-1])[::-1], [0]]).astype(np.float64)
    stopped = rest[np.searchsorted(scores, _above(falling, counts), side="left")]
    corners = [0]
    for point in range(1, len(counts)):
        corners.append(point)
        while len(corners) > 2 and _below(counts, stopped, *corners[-3:]):
            corners.pop(-2)
    kept = np.array(corners)
    gains = np.diff(stopped[kept]) / np.maximum(np.diff(counts[kept]), 1)
    return counts[kept], gains


def _below(counts: NDArray[np.int64], gained: Floats, a: int, b: int, c: int) -> bool:
    """Whether corner b lies on or under the line from a to c."""
    left = (gained[b] - gained[a]) * (counts[c] - counts[a])
    return bool(left <= (gained[c] - gained[a]) * (counts[b] - counts[a]))


def _ladder(columns: list[Floats]) -> Ladder:
    cuts = np.stack(columns, axis=1)
    return Ladder(cuts=np.minimum.accumulate(cuts, axis=0))

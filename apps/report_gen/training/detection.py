"""How centres of lesions are judged: free-response curve by size, pointing."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Point = tuple[float, float, float]
SIZES: tuple[tuple[float, float], ...] = ((4.0, 6.0), (6.0, 10.0), (10.0, 1000.0))
"""mm, longest diameter."""


class Mark(NamedTuple):
    """A place called a lesion, mm, and how sure."""

    at: Point
    score: float


class Lesion(NamedTuple):
    """A lesion that is there: its centre and longest diameter, mm."""

    at: Point
    size: float


class Hits(NamedTuple):
    """Matched scores: of each lesion the best mark on it (0 for none), and all marks on nothing."""

    sizes: list[float]
    found: list[float]
    false: list[float]
    studies: int


def reach(lesion: Lesion) -> float:
    """mm within which a mark hits: its radius, 6 mm at least (a voxel's diagonal of the map)."""
    return max(lesion.size / 2, 6.0)


def hits(marks: Sequence[Sequence[Mark]], lesions: Sequence[Sequence[Lesion]]) -> Hits:
    """Match marks and lesions of each study; a second mark on a lesion counts for nothing."""
    sizes, found, false = [], [], []
    for told, there in zip(marks, lesions, strict=True):
        best = [0.0] * len(there)
        for mark in told:
            near = [n for n, each in enumerate(there) if math.dist(mark.at, each.at) <= reach(each)]
            if not near:
                false.append(mark.score)
            for n in near:
                best[n] = max(best[n], mark.score)
        sizes += [each.size for each in there]
        found += best
    return Hits(sizes, found, false, len(marks))


def threshold_for(scored: Hits, false_a_study: float) -> float:
    """The lowest score at which there are at most so many false marks a study."""
    ranked = sorted(scored.false, reverse=True)
    allowed = int(false_a_study * scored.studies)
    return 0.0 if len(ranked) <= allowed else math.nextafter(ranked[allowed], 2.0)


def sensitivity_at(scored: Hits, threshold: float, low: float, high: float) -> tuple[float, int]:
    """Share of the lesions from `low` to `high` mm found, and how many there are."""
    mine = [s for s, size in zip(scored.found, scored.sizes, strict=True) if low <= size < high]
    share = float(np.mean([s >= threshold and s > 0 for s in mine])) if mine else math.nan
    return share, len(mine)


def froc(scored: Hits, rates: Sequence[float] = (0.125, 0.25, 0.5, 1, 2, 4)) -> dict[str, dict]:
    """Sensitivity at false marks a study, for all from 4 mm and by size."""
    groups = {"all": (0.0, 1000.0), **{f"{a:g}-{b:g} mm" if b < 1000 else f"{a:g} mm up": (a, b)
                                      for a, b in SIZES}}  # fmt: skip
    return {
        name: {
            "lesions": sensitivity_at(scored, 0.0, low, high)[1],
            **{
                f"{rate:g}": round(
                    sensitivity_at(scored, threshold_for(scored, rate), low, high)[0], 4
                )
                for rate in rates
            },
        }
        for name, (low, high) in groups.items()
    }

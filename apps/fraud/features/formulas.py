"""Which formula of which numbers makes a feature; the formulas themselves are `loops.filling`."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.feature import Feature
from apps.fraud.features.loops import filling as by

Array = NDArray[np.int64]
Step = tuple[int, ...]
"""A formula, and the rows of the numbers that it takes."""
_WINDOWED: Final[Mapping[str, tuple[int, tuple[str, ...]]]] = {
    "count": (by.AS_IT_IS, ("count",)),
    "sum": (by.AS_IT_IS, ("sum",)),
    "max": (by.AS_IT_IS, ("max",)),
    "distinct": (by.AS_IT_IS, ("distinct",)),
    "seen": (by.AS_IT_IS, ("seen",)),
    "mean": (by.SHARE, ("sum", "count")),
    "std": (by.DEVIATION, ("count", "sum", "high", "low")),
    "ratio": (by.RATIO, ("sum", "count")),
    "risk": (by.SHARE, ("frauds", "labelled")),
}
WINDOWED: Final = frozenset({*_WINDOWED, "since", "burst"})
"""What is told of the windows of an entity, and of the time since its last event."""


def of_window(feature: Feature, answers: Sequence[str], longest: int) -> Step:
    """A feature of an entity's windows.

    Args:
        answers: the names of their numbers, as `Entity.answers` has them.
        longest: of the windows, in seconds.
    """

    def row(what: str, window: int) -> int:
        return answers.index(f"{feature.entity}_{what}_{window * 1000}")

    if feature.what == "since":
        return by.SECONDS, answers.index(f"{feature.entity}_since")
    if feature.what == "burst":
        return by.SHARE, row("distinct", feature.window), row("distinct", longest)
    formula, parts = _WINDOWED[feature.what]
    return formula, *(row(part, feature.window) for part in parts)


def together(steps: Sequence[tuple[int, Step]]) -> Array:
    """[k, `STEP`] of steps, each with the row of its feature."""
    made = np.zeros((len(steps), by.STEP), np.int64)
    for at, (feature, step) in enumerate(steps):
        made[at, : 1 + len(step)] = feature, *step
    return made

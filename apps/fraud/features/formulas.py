"""From integers to the numbers a model sees: one formula each, float32 at the very end.

Every formula works in float64 on integers that are exact, and is rounded once.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.feature import NOTHING, Feature
from apps.fraud.features.loops.deviation import deviations

Array = NDArray[np.int64]
Floats = NDArray[np.float64]
Told = Mapping[str, Array]


def share(part: Array, whole: Array) -> Floats:
    """part / whole; 0 where both are."""
    told: Floats = part / np.maximum(whole, 1)
    return told


def mean(total: Array, count: Array) -> Floats:
    """total / count; 0 where there is none."""
    return share(total, count)


def ratio(amount: Array, total: Array, count: Array) -> Floats:
    """The amount over the mean of the others; `NOTHING` without others, or of a mean ≤ 0.

    amount · (count − 1) / (total − amount), held to 0…10⁶.
    """
    rest = total - amount
    can = (count > 1) & (rest > 0)
    told = amount.astype(np.float64) * (count - 1) / np.maximum(rest, 1)
    return np.where(can, np.minimum(np.maximum(told, 0.0), 1e6), NOTHING)


def deviation(count: Array, total: Array, high: Array, low: Array) -> Floats:
    """The population's standard deviation of `count` amounts; 0 without any."""
    out = np.empty(len(count))
    deviations(count, total, high, low, out)
    return out


def seconds(since: Array) -> Floats:
    """Milliseconds as seconds; `NOTHING` for −1."""
    return np.where(since < 0, NOTHING, since / 1000.0)


def of_window(feature: Feature, told: Told, amounts: Array, longest: int) -> Floats | Array:
    """A feature of a window, or of the time since the last event, from the windows' numbers.

    `longest` is the longest window in seconds.
    """
    if feature.what == "since":
        return seconds(told[f"{feature.entity}_since"])

    def part(what: str) -> Array:
        return told[f"{feature.entity}_{what}_{feature.window * 1000}"]

    if feature.what == "burst":
        return share(part("distinct"), told[f"{feature.entity}_distinct_{longest * 1000}"])
    return _WINDOWED[feature.what](part, amounts)


Part = Callable[[str], Array]
_WINDOWED: Final[Mapping[str, Callable[[Part, Array], Floats | Array]]] = {
    "count": lambda part, _: part("count"),
    "sum": lambda part, _: part("sum"),
    "max": lambda part, _: part("max"),
    "distinct": lambda part, _: part("distinct"),
    "seen": lambda part, _: part("seen"),
    "mean": lambda part, _: mean(part("sum"), part("count")),
    "std": lambda part, _: deviation(part("count"), part("sum"), part("high"), part("low")),
    "ratio": lambda part, amounts: ratio(amounts, part("sum"), part("count")),
    "risk": lambda part, _: share(part("frauds"), part("labelled")),
}
WINDOWED: Final = frozenset({*_WINDOWED, "since", "burst"})

"""The ensemble: a mean of margins chosen on the validation, with the network only where it wins.

Members are picked one by one with replacement, each the one that lifts the average precision of the
validation most; the two that are best alone are in from the start, so that a validation with few
frauds does not settle on one (Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection",
ICML 2004, section 2).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.fraud.training.intervals import Draws, Interval, paired_gain
from apps.fraud.training.metrics import Counts, average_precision

Floats = NDArray[np.float64]
FIRST, MOST_PICKS = 2, 12
LEAST_LIFT = 1e-4


@dataclass(frozen=True)
class Ensemble:
    """Weights of the members, which sum to 1, and what the network added on the validation.

    Attributes:
        kept: the members that need the network are in it.
        gain: of average precision, of the best ensemble with them over the best without.
    """

    weights: dict[str, float]
    kept: bool
    gain: Interval | None

    def margins(self, members: Mapping[str, Floats]) -> Floats:
        """The weighted mean."""
        parts = [weight * members[key] for key, weight in self.weights.items()]
        return np.sum(parts, axis=0)


def best(members: Mapping[str, Floats], label: NDArray[np.int64]) -> str:
    """The member that tells the frauds of the validation apart best alone; of equals the first."""
    return max(members, key=lambda key: average_precision(Counts.of(label, members[key])))


def choose(
    members: Mapping[str, Floats],
    label: NDArray[np.int64],
    draws: Draws,
    network: Collection[str] = (),
) -> Ensemble:
    """Choose on the validation.

    Args:
        members: margins of the validation by model.
        label: of its rows.
        draws: of its payers.
        network: the members that need the graph network. They stay only where the interval of
            their gain lies above 0.
    """
    without = {key: each for key, each in members.items() if key not in network}
    plain = _picked(without, label)
    if len(without) == len(members):
        return Ensemble(plain, False, None)
    rich = _picked(members, label)
    gain = paired_gain(
        label,
        Ensemble(rich, True, None).margins(members),
        Ensemble(plain, False, None).margins(members),
        draws,
        average_precision,
    )
    wins = bool(set(rich) & set(network)) and gain.low > 0
    return Ensemble(rich if wins else plain, wins, gain)


def _picked(members: Mapping[str, Floats], label: NDArray[np.int64]) -> dict[str, float]:
    alone = {key: average_precision(Counts.of(label, each)) for key, each in members.items()}
    picks = sorted(alone, key=lambda key: alone[key], reverse=True)[:FIRST]
    total: Floats = np.sum([members[key] for key in picks], axis=0)
    best = average_precision(Counts.of(label, total))
    while len(picks) < MOST_PICKS:
        found = {
            key: average_precision(Counts.of(label, total + each)) for key, each in members.items()
        }
        key = max(found, key=lambda one: found[one])
        if found[key] < best + LEAST_LIFT:
            break
        best = found[key]
        picks.append(key)
        total = total + members[key]
    return {key: picks.count(key) / len(picks) for key in dict.fromkeys(picks)}

"""The table of features of a batch, each by its formula."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features import formulas
from apps.fraud.features.feature import Feature
from apps.fraud.features.lists import Lists
from apps.fraud.features.loops import filling as loops
from apps.fraud.features.network_formulas import NetworkTold, Places

Array = NDArray[np.int64]
NIGHT_ENDS: Final = 6
"""The last hour of the night, which begins at 0: as the Handbook has it."""
SATURDAY: Final = 5


@dataclass(frozen=True, kw_only=True)
class Moment:
    """All that is known about the events of a batch, each column [n].

    `windows` holds, by entity, its answers [n, numbers].
    """

    clock: Array
    hour: Array
    weekday: Array
    amounts: Array
    keys: Mapping[str, Array]
    numbers: Mapping[str, NDArray[np.float64]]
    windows: Mapping[str, Array]
    network: NetworkTold
    lists: Lists


class Filling:
    """How the features of a scheme are made of what is known.

    Args:
        features: in the order of the table's columns.
        answers: by entity that has windows, the names of their numbers.
        places: of the network's answers.
        longest: of the scheme's windows, in seconds.
    """

    def __init__(
        self, features: Sequence[Feature], answers: Mapping[str, Sequence[str]], places: Places,
        longest: int,
    ) -> None:  # fmt: skip
        windowed: dict[str, list[tuple[int, formulas.Step]]] = {key: [] for key in answers}
        networked: list[tuple[int, formulas.Step]] = []
        self._count = len(features)
        self._others: list[tuple[int, Feature]] = []
        for row, feature in enumerate(features):
            key = feature.entity
            if feature.what in formulas.WINDOWED:
                windowed[key].append((row, formulas.of_window(feature, answers[key], longest)))
            elif (step := places.step(feature)) is not None:
                networked.append((row, step))
            else:
                self._others.append((row, feature))
        self._windowed = {key: formulas.together(steps) for key, steps in windowed.items()}
        self._networked = formulas.together(networked)

    def fill(self, moment: Moment) -> NDArray[np.float32]:
        """[n, features] float32, C-contiguous."""
        values = np.empty((self._count, len(moment.clock)), np.float32)
        for key, steps in self._windowed.items():
            loops.fill(steps, moment.windows[key].T, moment.amounts, values)
        loops.fill(self._networked, moment.network.out, moment.amounts, values)
        priors = moment.network.priors()
        for row, feature in self._others:
            if feature.what in _PLAIN:
                values[row] = _PLAIN[feature.what](moment, feature)
            else:
                values[row] = moment.network.feature(feature, priors)
        return np.ascontiguousarray(values.T)


def _number(moment: Moment, feature: Feature) -> NDArray[np.float64]:
    limit = float(np.finfo(np.float32).max)
    return np.clip(np.nan_to_num(moment.numbers[feature.entity], nan=0.0), -limit, limit)


_PLAIN: Final[Mapping[str, Callable[[Moment, Feature], NDArray[np.generic]]]] = {
    "amount": lambda moment, _: moment.amounts,
    "hour": lambda moment, _: moment.hour,
    "night": lambda moment, _: moment.hour <= NIGHT_ENDS,
    "weekend": lambda moment, _: moment.weekday >= SATURDAY,
    "value": _number,
    "missing": lambda moment, feature: np.isnan(moment.numbers[feature.entity]),
    "listed": lambda moment, feature: moment.lists.told(feature.entity, moment.clock, moment.keys),
}

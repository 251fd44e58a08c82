"""Features from integers, each by its formula, for a whole batch in one walk.

Every formula works in float64 on integers that are exact, and is rounded once to float32.
"""

from typing import Final

import numpy as np

from apps.fraud.features.feature import NOTHING
from apps.fraud.features.layout import DAMP
from apps.fraud.features.loops.compiling import compiled
from apps.fraud.features.loops.deviation import deviation

AS_IT_IS: Final = 0  #: a
SECONDS: Final = 1  #: a / 1000, milliseconds; `NOTHING` for −1
SHARE: Final = 2  #: a / b; 0 where both are: of a sum and a count the mean
DAMPED: Final = 3  #: a / (b + `DAMP`): one fraud of one event is not all
RATIO: Final = 4  #: the amount over the mean of the others, of their sum a and count b with it
DEVIATION: Final = 5  #: of the population; count a, sum b, and its squares, high c and low d
STEP: Final = 6  #: numbers of a step: row of the feature, formula, rows of a, b, c and d

_EVENTS = 64
"""Events that are worked on together: their numbers stay in the nearest cache."""


@compiled
def fill(steps, numbers, amounts, out):
    """Fill rows of out [features, n] float32.

    Args:
        steps: [k, `STEP`].
        numbers: [rows, n].
        amounts: [n] of the events.
    """
    for first in range(0, len(amounts), _EVENTS):
        stop = min(first + _EVENTS, len(amounts))
        for step in range(len(steps)):
            row, formula, a, b = steps[step, 0], steps[step, 1], steps[step, 2], steps[step, 3]
            if formula == AS_IT_IS:
                for n in range(first, stop):
                    out[row, n] = numbers[a, n]
            elif formula == SECONDS:
                for n in range(first, stop):
                    since = numbers[a, n]
                    out[row, n] = NOTHING if since < 0 else since / 1000.0
            elif formula == SHARE:
                for n in range(first, stop):
                    out[row, n] = numbers[a, n] / max(numbers[b, n], 1)
            elif formula == DAMPED:
                for n in range(first, stop):
                    out[row, n] = numbers[a, n] / (numbers[b, n] + float(DAMP))
            elif formula == RATIO:
                # amount · (count − 1) / (sum − amount), held to 0…10⁶; `NOTHING` without others,
                # or of a mean ≤ 0.
                for n in range(first, stop):
                    rest, others = numbers[a, n] - amounts[n], numbers[b, n] - 1
                    told = np.float64(amounts[n]) * others / max(rest, 1)
                    told = min(max(told, 0.0), 1e6)
                    out[row, n] = told if others > 0 and rest > 0 else NOTHING
            else:
                c, d = steps[step, 4], steps[step, 5]
                for n in range(first, stop):
                    out[row, n] = deviation(
                        numbers[a, n], numbers[b, n], numbers[c, n], numbers[d, n]
                    )

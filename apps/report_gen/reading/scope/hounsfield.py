"""Whether values are Hounsfield units, by where air and soft tissue lie."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.reading.reasons import Reason, refusal

SOFT: Final = (-200, 200)
AIR: Final = (-1100, -650)
LEAST_SOFT: Final = 0.02
LEAST_AIR: Final = 0.02
RESCALE: Final = 1024
"""The usual intercept, with the sign turned."""


def not_hounsfield(hu: NDArray[np.int16]) -> Reason | None:
    """The refusal of values that are not Hounsfield units; None where they look like it.

    `hu` is any thinned-out part of the volume, before anything was clipped. Padding below −1100 is
    left out.
    """
    values = hu.astype(np.int32).ravel()
    soft, air = _shares(values)
    if soft >= LEAST_SOFT and air >= LEAST_AIR:
        return None
    for shift, code in ((RESCALE, "rescaled_twice"), (-RESCALE, "not_rescaled")):
        moved_soft, moved_air = _shares(values + shift)
        if moved_soft >= LEAST_SOFT and moved_air >= LEAST_AIR:
            return refusal(code)
    return refusal("not_hounsfield", soft=round(soft, 4), air=round(air, 4))


def _shares(values: NDArray[np.int32]) -> tuple[float, float]:
    """The shares of values in the ranges of soft tissue and of air and lung."""
    soft = np.count_nonzero((values >= SOFT[0]) & (values <= SOFT[1]))
    air = np.count_nonzero((values >= AIR[0]) & (values <= AIR[1]))
    return float(soft / values.size), float(air / values.size)

"""From a forest's margin to a probability: a monotone curve of plain numbers.

Kept as knots, so that any program can read it: two columns of a manifest, no code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loupe.contract.runtime.errors import ModelRefused

MOST_KNOTS = 2000
SLOPE = 1e-6
"""The least rise of the probability over the whole range of margins: order is never lost."""


def sigmoid(margin: ArrayLike) -> NDArray[np.float64]:
    """1 / (1 + exp(−margin)) in float64, without overflow."""
    value = np.asarray(margin, np.float64)
    small = np.exp(-np.abs(value))
    return np.where(value >= 0, 1.0, small) / (1.0 + small)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Knots of margin and probability with straight lines between them.

    Attributes:
        margins: ascending, at least two.
        probabilities: strictly ascending within 0…1, so that no two margins inside the range
            change their order.
    """

    margins: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __call__(self, margin: ArrayLike) -> NDArray[np.float64]:
        """The probability of fraud, float64. Beyond the last knots it nears 0 and 1 by the
        logistic curve, so that order is kept there too."""
        value = np.asarray(margin, np.float64)
        first, last = self.margins[0], self.margins[-1]
        inside = np.interp(value, self.margins, self.probabilities)
        below = self.probabilities[0] * np.exp(np.minimum(value - first, 0.0))
        above = 1.0 - (1.0 - self.probabilities[-1]) * np.exp(-np.maximum(value - last, 0.0))
        return np.where(value < first, below, np.where(value > last, above, inside))

    def told(self) -> dict[str, list[float]]:
        """As it stands in a manifest."""
        return {"margins": list(self.margins), "probabilities": list(self.probabilities)}

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Self | None:
        """That of a manifest; None where it has none.

        Raises:
            ModelRefused: it is no monotone curve.
        """
        said = manifest.get("calibration")
        if said is None:
            return None
        refusal = ModelRefused(
            "calibration of the manifest must hold margins and probabilities: lists of one length, "
            f"2 to {MOST_KNOTS} finite numbers, both strictly ascending, probabilities within 0…1. "
            "Train the model again, or leave it out.",
            code="calibration_invalid",
        )
        try:
            margins = np.array(said["margins"], np.float64)
            shares = np.array(said["probabilities"], np.float64)
        except (KeyError, TypeError, ValueError):
            raise refusal from None
        fits = margins.ndim == 1 and margins.shape == shares.shape
        if not fits or not 2 <= len(margins) <= MOST_KNOTS:
            raise refusal
        finite = np.isfinite(margins).all() and np.isfinite(shares).all()
        if not finite or (np.diff(margins) <= 0).any() or (np.diff(shares) <= 0).any():
            raise refusal
        if shares[0] < 0 or shares[-1] > 1:
            raise refusal
        return cls(margins=tuple(margins.tolist()), probabilities=tuple(shares.tolist()))


def straight(knots: NDArray[np.float64], shares: NDArray[np.float64]) -> Calibration:
    """A calibration through points that rise weakly: equal steps get the least slope."""
    order = np.arange(len(shares), dtype=np.float64)
    rising = np.clip(shares, 0.0, 1.0) * (1 - 2 * SLOPE)
    rising = rising + SLOPE * (1 + order / max(1, len(order) - 1)) / 2
    return Calibration(margins=tuple(knots.tolist()), probabilities=tuple(rising.tolist()))

"""From logits to states: calibration and the operating point of each finding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.findings import KEYS, State

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """One number for each of `KEYS` in every field.

    Attributes:
        slopes, shifts: ``probability = sigmoid(slope · logit + shift)`` (Platt, 1999).
        low, high: present from `high` on, absent below `low`, uncertain between them.
        peak: probability from which a peak of the centres' map is a lesion, for nodule and mass.
    """

    slopes: tuple[float, ...] = (1.0,) * len(KEYS)
    shifts: tuple[float, ...] = (0.0,) * len(KEYS)
    low: tuple[float, ...] = (0.5,) * len(KEYS)
    high: tuple[float, ...] = (0.5,) * len(KEYS)
    peak: tuple[float, float] = (0.3, 0.3)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Back from JSON."""
        read: dict[str, Any] = {
            key: tuple(float(each) for each in value) for key, value in record.items()
        }
        return cls(**read)

    def probabilities(self, logits: Array) -> Array:
        """Calibrated [N, K] of logits [N, K]."""
        clipped = np.clip(np.asarray(self.slopes) * logits + np.asarray(self.shifts), -30, 30)
        made: Array = 1 / (1 + np.exp(-clipped))
        return made

    def states(self, probabilities: Array) -> list[list[State]]:
        """For each study the state of each kind."""
        return [
            [
                State.PRESENT if p >= high else State.ABSENT if p < low else State.UNCERTAIN
                for p, low, high in zip(row, self.low, self.high, strict=True)
            ]
            for row in probabilities
        ]

"""What becomes known of a payment, and when: days later, sometimes never, sometimes not true."""

import numpy as np

from apps.fraud.events import FRAUD, HONEST, UNKNOWN
from apps.fraud.simulator.config import SimulatorConfig
from apps.fraud.simulator.rows import DAY_MS
from apps.fraud.simulator.scenarios import NAMES

UNNOTICED = 0.04
"""Share of frauds nobody notices: their label says honest."""
DISPUTED = NAMES.index("refunds")
_LONGER = 12


def labels(
    config: SimulatorConfig, rng: np.random.Generator, scenario: np.ndarray, time: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`label` and `label_known_at` (milliseconds in the times of `time`) of each payment."""
    count = len(scenario)
    label = np.where((scenario > 0) & (rng.random(count) >= UNNOTICED), FRAUD, HONEST)
    days = config.label_delay * np.exp(rng.normal(0, 0.45, count))
    days += np.where(scenario == DISPUTED, rng.exponential(_LONGER, count), 0)
    known = time + np.maximum(60_000, days * DAY_MS).astype(np.int64)
    never = rng.random(count) < config.label_missing
    return np.where(never, UNKNOWN, label), np.where(never, -1, known)

"""The day on which an instance of a scenario begins."""

import numpy as np

from apps.fraud.simulator.config import SimulatorConfig


def first_days(
    rng: np.random.Generator, config: SimulatorConfig, count: int, growth: float
) -> np.ndarray:
    """Days of `count` instances; `growth` in (−1, 1) times the drift tilts them late or early."""
    tilt = growth * config.drift
    weight = 1 + tilt * (2 * (np.arange(config.days) + 0.5) / config.days - 1)
    return rng.choice(config.days, count, p=weight / weight.sum())

"""Scored transactions of populations whose rates are known."""

import numpy as np

DAY = 86_400_000


def stretch(
    honest: int, fraud: int, seed: int, days: int = 20, sharpness: float = 6.0
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns and labels: scores of honest rows near 0, of frauds near 1."""
    chance = np.random.default_rng(seed)
    count = honest + fraud
    label = np.zeros(count, dtype=np.int64)
    label[:fraud] = 1
    chance.shuffle(label)
    score = np.where(
        label == 1, chance.beta(sharpness, 2, count), chance.beta(1, sharpness + 2, count)
    )
    columns = {
        "id": np.array([f"t-{n}" for n in range(count)]),
        "event_time": np.sort(chance.integers(0, days * DAY, count)),
        "amount": np.exp(chance.normal(8, 1.2, count)).astype(np.int64),
        "score": score,
        "entities.customer": np.array([f"c-{n}" for n in chance.integers(0, count // 4, count)]),
        "late": np.zeros(count, dtype=bool),
    }
    return columns, label

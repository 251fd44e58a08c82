"""The rungs without a network: what thinned rows do to probabilities."""

import numpy as np
import pytest

from apps.fraud.training.rungs import Learning, Trees, learn_trees


def test_trees_of_thinned_rows_give_the_probabilities_of_all_rows() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30_000, 3)).astype(np.float32)
    honest_odds = np.exp(1.5 * values[:, 0] - 3.0)
    label = (rng.random(len(values)) < honest_odds / (1 + honest_odds)).astype(np.int64)
    kept = (label == 1) | (rng.random(len(values)) < 0.1)
    weight = np.where(label == 1, 1.0, 10.0)[kept].astype(np.float32)
    model = learn_trees(
        Learning(
            values=values[kept], label=label[kept], weight=weight, names="abc", seed=0,
            chosen={"trees": 120.0},
        ),
        Trees(columns=1.0, rate=0.1, depth=3),
    )  # fmt: skip
    told = 1 / (1 + np.exp(-model.predict(values)))
    # Of all, of the risky and of the safe rows: as many frauds as really happen.
    for rows in (slice(None), values[:, 0] > 1, values[:, 0] < 0):
        assert told[rows].mean() == pytest.approx(label[rows].mean(), rel=0.15)

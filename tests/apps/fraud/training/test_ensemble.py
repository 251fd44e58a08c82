"""The ensemble keeps the network where it wins for certain, and only there."""

import numpy as np

from apps.fraud.training.ensemble import best, choose
from apps.fraud.training.intervals import Draws
from apps.fraud.training.metrics import Counts, average_precision

SIZE = 3_000


def members(help_of_network: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    label = (rng.random(SIZE) < 0.08).astype(np.int64)
    hidden = rng.normal(size=SIZE)
    trees = label * 1.5 + hidden + rng.normal(size=SIZE) * 0.3
    # The network sees another part of the fraud; without help it is noise.
    network = help_of_network * label + rng.normal(size=SIZE)
    return {"trees": trees, "flat": trees + rng.normal(size=SIZE), "gnn": network}, label


def test_a_network_that_helps_stays_with_its_gain() -> None:
    told, label = members(2.5)
    chosen = choose(told, label, Draws.of(np.arange(SIZE), 0, 60), ("gnn",))
    assert chosen.kept
    assert chosen.weights["gnn"] > 0
    assert chosen.gain is not None
    assert chosen.gain.low > 0
    together = average_precision(Counts.of(label, chosen.margins(told)))
    assert together > average_precision(Counts.of(label, told["trees"]))


def test_a_network_of_noise_goes_and_its_loss_is_told() -> None:
    told, label = members(0.0)
    chosen = choose(told, label, Draws.of(np.arange(SIZE), 0, 60), ("gnn",))
    assert not chosen.kept
    assert "gnn" not in chosen.weights
    assert chosen.gain is not None


def test_without_a_network_there_is_no_gain_to_tell() -> None:
    told, label = members(0.0)
    del told["gnn"]
    chosen = choose(told, label, Draws.of(np.arange(SIZE), 0, 10), ("gnn",))
    assert chosen.gain is None
    assert sum(chosen.weights.values()) == 1.0


def test_the_member_that_tells_frauds_apart_best_alone_serves() -> None:
    label = np.array([1, 0, 1, 0, 0, 0])
    right, wrong = label.astype(float), -label.astype(float)
    assert best({"wrong": wrong, "right": right}, label) == "right"
    assert best({"first": right, "second": 2 * right}, label) == "first"

"""The cold start: payers without history alone, each treatment against none."""

import numpy as np
import pytest

from apps.fraud.features.catalogue import GRAPH, catalogue
from apps.fraud.training.cold_start import PRIORS, UNTREATED, cold_start, measurable, treatments
from apps.fraud.training.figures import Test as Measured
from apps.fraud.training.metrics import Counts, average_precision
from tests.apps.fraud.training import days


def test_each_treatment_is_compared_on_strangers_alone() -> None:
    rng = np.random.default_rng(0)
    size = 4_000
    label = (rng.random(size) < 0.05).astype(np.int64)
    history = rng.integers(0, 20, size)
    payer = np.array([f"c{one}" for one in rng.integers(0, 900, size)])
    day = np.zeros(size, np.int64)
    test = Measured.of(label, np.full(size, 100), history, day, payer, 0)
    none = rng.normal(size=size)
    some, more = none + label, none + 2 * label
    # Those with history are told apart by nothing but their treatment's absence.
    none[history >= 5] += 9 * label[history >= 5]
    found = cold_start(test, payer, more, none, some)
    cold = history < 5
    assert found["rows"] == cold.sum()
    for key, scores in (("treated", more), ("priors", some), ("untreated", none)):
        wanted = average_precision(Counts.of(label[cold], scores[cold]))
        assert found[key]["average_precision"] == pytest.approx(wanted)
    for gain, key in (("gain", "treated"), ("gain_of_priors", "priors")):
        told = found[gain]["average_precision"]
        wanted = found[key]["average_precision"] - found["untreated"]["average_precision"]
        assert told["value"] == pytest.approx(wanted)
        assert 0 < told["low"] < told["value"] < told["high"]


def test_without_strangers_enough_nothing_is_told() -> None:
    label, history = np.array([1, 1, 1, 1, 0, 1, 0]), np.array([0, 1, 2, 3, 4, 5, 6])
    payer = np.array(list("abcdefg"))
    test = Measured.of(label, label, history, np.zeros(7, np.int64), payer, 0)
    assert not measurable(label, history)
    assert cold_start(test, payer, np.zeros(7), None, None)["gain"] is None
    assert measurable(np.append(label, 1), np.append(history, 0))


def test_priors_keep_what_the_untreated_trees_lack() -> None:
    features = catalogue(days.SCHEME, GRAPH)
    group = {one.name: one.group for one in features}
    left = {key: {group[name] for name in names} for key, names in treatments(features).items()}
    assert left[PRIORS] == {group[name] for name in group} - {"graph"}
    assert left[UNTREATED] == left[PRIORS] - {"priors"}

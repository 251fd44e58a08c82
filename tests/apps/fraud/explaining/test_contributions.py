"""Contributions are exact: Shapley's definition, and XGBoost's own, say the same."""

import json
import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import xgboost

from apps.fraud.explaining.contributions import contributions
from apps.fraud.explaining.paths import Ways
from loupe.contract.runtime.errors import LoupeError, ModelRefused
from tests.apps.fraud.explaining.made import model, saved, table


def _known(tree: dict[str, Any], row: np.ndarray, known: frozenset[int], node: int = 0) -> float:
    """A tree's answer when only some features are known: the rest by training weight."""
    if tree["left_children"][node] < 0:
        return float(tree["split_conditions"][node])
    left, right = tree["left_children"][node], tree["right_children"][node]
    feature = tree["split_indices"][node]
    if feature in known:
        value = row[feature]
        if math.isnan(value):
            goes_left = bool(tree["default_left"][node])
        else:
            goes_left = value < np.float32(tree["split_conditions"][node])
        return _known(tree, row, known, left if goes_left else right)
    weights = tree["sum_hessian"]
    return sum(
        weights[child] / weights[node] * _known(tree, row, known, child) for child in (left, right)
    )


def _shapley(trees: list[dict[str, Any]], row: np.ndarray) -> list[float]:
    """By the definition, over all subsets."""
    count = len(row)
    found = []
    for feature in range(count):
        others = [one for one in range(count) if one != feature]
        total = 0.0
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            for subset in combinations(others, size):
                known = frozenset(subset)
                for tree in trees:
                    gain = _known(tree, row, known | {feature}) - _known(tree, row, known)
                    total += weight * gain
        found.append(total)
    return found


def test_contributions_are_shapleys_by_the_definition() -> None:
    data = saved(model(trees=3, depth=4))
    trees = json.loads(data)["learner"]["gradient_booster"]["model"]["trees"]
    rows = table(4, seed=9)
    found = contributions(rows, Ways.from_xgboost(data))
    for row, told in zip(rows, found, strict=True):
        np.testing.assert_allclose(told, _shapley(trees, row), atol=1e-10)


@pytest.mark.parametrize(("rows", "depth"), [(5, 6), (60, 6), (700, 6), (5, 10), (60, 10)])
def test_contributions_are_xgboosts(rows: int, depth: int) -> None:
    booster = model(depth=depth)
    x = table(rows, seed=4)
    ways = Ways.from_xgboost(saved(booster))
    theirs = booster.predict(xgboost.DMatrix(x), pred_contribs=True)
    ours = contributions(x, ways)
    # XGBoost computes these in 32 bits.
    np.testing.assert_allclose(ours, theirs[:, :-1], atol=2e-5)
    assert ways.usual == pytest.approx(theirs[0, -1], abs=2e-5)
    margins = booster.predict(xgboost.DMatrix(x), output_margin=True)
    np.testing.assert_allclose(ours.sum(axis=1) + ways.usual, margins, atol=2e-5)


def test_rows_are_explained_alike_alone_and_together() -> None:
    ways = Ways.from_xgboost(saved(model()))
    x = table(600, seed=5)
    together = contributions(x, ways)
    alone = np.concatenate([contributions(x[at : at + 1], ways) for at in range(0, 600, 50)])
    np.testing.assert_allclose(together[::50], alone, atol=1e-12)
    np.testing.assert_array_equal(together, contributions(x, ways, threads=2))


def test_a_feature_the_forest_never_asks_adds_nothing() -> None:
    ways = Ways.from_xgboost(saved(model()))
    unasked = sorted(set(range(ways.features)) - set(ways.feature.tolist()))
    found = contributions(table(50), ways)
    assert (found[:, unasked] == 0).all()
    assert (found != 0).any()


def test_no_rows_and_a_forest_of_one_leaf() -> None:
    x = table(200)
    stump = xgboost.train(
        {"max_depth": 1, "gamma": 1e9, "objective": "binary:logistic"},
        xgboost.DMatrix(x, np.arange(200) % 2),
        2,
    )
    ways = Ways.from_xgboost(saved(stump))
    assert (contributions(x, ways) == 0).all()
    assert contributions(x[:0], ways).shape == (0, 8)
    with pytest.raises(ValueError, match="float32"):
        contributions(x[:, :3], ways)


def _damaged(change: dict[str, object]) -> bytes:
    told = json.loads(saved(model(trees=2)))
    told["learner"]["gradient_booster"]["model"]["trees"][0].update(change)
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        saved(model(trees=2))[:-400],
        _damaged({"sum_hessian": [1.0]}),
        _damaged({"sum_hessian": "x"}),
        _damaged({"left_children": [0]}),
    ],
)
def test_a_damaged_forest_is_refused(data: bytes) -> None:
    with pytest.raises(ModelRefused):
        Ways.from_xgboost(data)


def test_refusals_are_loupes() -> None:
    with pytest.raises(LoupeError):
        Ways.from_xgboost(b"not json at all")

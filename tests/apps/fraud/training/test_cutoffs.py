"""A new model's first cut-offs keep their budgets on the test they are read from."""

import numpy as np
import pytest

from apps.fraud.schema import OperatingPoint
from apps.fraud.training.cutoffs import BUDGETS, NEVER, first_band

DRAW = np.random.default_rng(12)
LABELS = (np.arange(40_000) >= 39_700).astype(np.int64)
SCORES = np.where(LABELS == 1, DRAW.beta(3, 2, 40_000), DRAW.beta(1, 30, 40_000)) * 0.8
HONEST = SCORES[LABELS == 0]


def test_each_cut_off_stops_as_many_honest_rows_as_its_budget_allows_and_no_more() -> None:
    band = first_band(LABELS, SCORES)
    for name, budget in BUDGETS.items():
        allowed = int(budget * len(HONEST))
        assert (band[name] <= HONEST).sum() <= allowed
        below = SCORES[band[name] > SCORES].max()
        assert (below <= HONEST).sum() > allowed - 1


def test_stricter_outcomes_ask_for_higher_scores_and_the_point_is_valid() -> None:
    band = first_band(LABELS, SCORES)
    assert 0 < band["step_up"] < band["review"] < band["block"] < 0.8
    point = OperatingPoint.model_validate({"bands": [band]})
    assert point.bands[0].block == band["block"]


def test_a_plateau_of_honest_rows_is_not_cut_through() -> None:
    scores = SCORES.copy()
    scores[:20] = 0.8  # of 39,700 honest rows 7 are allowed to be blocked, 39 to be reviewed
    band = first_band(LABELS, scores)
    assert band["block"] == NEVER
    assert (scores[LABELS == 0] >= band["review"]).sum() <= 39


@pytest.mark.parametrize("labels", [np.zeros(10, np.int64), np.ones(10, np.int64)])
def test_without_frauds_or_honest_rows_there_is_a_point_all_the_same(labels: np.ndarray) -> None:
    band = first_band(labels, np.linspace(0, 0.9, 10))
    assert OperatingPoint.model_validate({"bands": [band]}).bands[0].from_amount == 0

"""The curve that a page draws is what counting row by row says."""

import numpy as np
import pytest

from apps.fraud.policy.curve import MOST_POINTS, Curve, curve


@pytest.mark.parametrize("decimals", [1, 2, 6])
def test_every_point_is_what_its_cut_off_does(decimals: int) -> None:
    dice = np.random.default_rng(decimals)
    scores = np.round(dice.random(3_000), decimals)
    labels = (dice.random(3_000) < scores**3).astype(np.int64)
    labels[::7] = -1
    found = curve(scores, labels)
    assert 2 <= len(found.cut) <= MOST_POINTS + 1
    for share, caught, cut in zip(found.honest, found.fraud, found.cut, strict=True):
        assert share == (scores[labels == 0] >= cut).mean()
        assert caught == (scores[labels == 1] >= cut).mean()
    assert list(found.honest) == sorted(set(found.honest))
    assert found.honest[0] == 0.0
    assert found.honest[-1] == 1.0


def test_without_frauds_or_honest_rows_there_is_no_curve() -> None:
    scores = np.array([0.1, 0.2])
    assert curve(scores, np.array([0, 0])) == Curve()
    assert curve(scores, np.array([1, -1])) == Curve()

"""LIME is the same each time, says how well it fits, and agrees where it should."""

import numpy as np
import pytest

from apps.fraud.explaining.background import Background
from apps.fraud.explaining.lime import lime, seed_of
from loupe.contract.runtime.errors import InputRefused
from tests.apps.fraud.explaining.made import NAMES, table

BACKGROUND = Background.of(table(2_000), NAMES)
SLOPES = np.array([3.0, -2.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0])


def _line(rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.nan_to_num(rows) @ SLOPES, dtype=np.float32)


def _exact(row: np.ndarray) -> list[float]:
    """Of a straight line: slope times the distance from the ordinary value, which is 0 here."""
    return (SLOPES * row).tolist()


ROW = np.array([1.5, 1.2, -2.0, 2.0, 0.3, 1.0, 1.0, 1.0], dtype=np.float32)


def test_a_straight_line_is_found_and_both_opinions_agree() -> None:
    found = lime(ROW, _line, BACKGROUND, _exact(ROW), seed_of("t-1", "a" * 64))
    weights = np.array([found.weights[name] for name in NAMES])
    np.testing.assert_allclose(weights, _exact(ROW), atol=0.5)
    # What is replaced is drawn, so some spread stays that no line explains.
    assert found.r2 > 0.4
    assert found.agreement > 0.9
    assert found.shared >= 4


def test_a_model_of_pure_noise_is_told_as_such() -> None:
    chance = np.random.default_rng(0)
    noise = lime(
        ROW, lambda rows: chance.normal(size=len(rows)).astype(np.float32), BACKGROUND,
        _exact(ROW), 1,
    )  # fmt: skip
    assert noise.r2 < 0.1


def test_the_same_transaction_and_model_give_the_same_answer_and_others_another() -> None:
    seeds = {seed_of(*pair) for pair in (("t-1", "a"), ("t-1", "b"), ("t-2", "a"), ("t", "-2a"))}
    assert len(seeds) == 4
    first = lime(ROW, _line, BACKGROUND, _exact(ROW), seed_of("t-1", "a"))
    again = lime(ROW, _line, BACKGROUND, _exact(ROW), seed_of("t-1", "a"))
    other = lime(ROW, _line, BACKGROUND, _exact(ROW), seed_of("t-2", "a"))
    assert first == again
    assert first != other
    assert type(first).model_validate_json(first.model_dump_json()) == first


def test_backgrounds_survive_json_and_draw_what_was_seen() -> None:
    again = Background.model_validate_json(BACKGROUND.model_dump_json())
    assert again == BACKGROUND
    drawn = again.draw(4_000, np.random.default_rng(1))
    np.testing.assert_allclose(np.isnan(drawn).mean(axis=0), 0.08, atol=0.03)
    np.testing.assert_allclose(np.nanmedian(drawn, axis=0), 0.0, atol=0.15)


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(InputRefused, match="Take all three from one model"):
        lime(ROW[:3], _line, BACKGROUND, _exact(ROW), 1)

"""Card precision against the Handbook's definition, written out with polars."""

import numpy as np
import polars as pl
import pytest

from apps.fraud.training.cards import CardDays, card_precisions


def handbook(
    day: np.ndarray, card: np.ndarray, label: np.ndarray, score: np.ndarray, k: int
) -> list[float]:
    """Chapter 4.4, day by day: group by card, take the maximum, leave out those found before."""
    table = pl.DataFrame({"day": day, "card": card, "label": label, "score": score})
    found: list[int] = []
    precisions = []
    for each in sorted(set(day.tolist())):
        cards = (
            table.filter((pl.col("day") == each) & ~pl.col("card").is_in(found))
            .group_by("card")
            .agg(pl.col("score").max(), pl.col("label").max())
            .sort("score", descending=True)
            .head(k)
        )
        hit = cards.filter(pl.col("label") == 1)["card"].to_list()
        found += hit
        precisions.append(len(hit) / k)
    return precisions


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_handbooks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 3_000
    day, card = np.sort(rng.integers(0, 6, size)), rng.integers(0, 400, size)
    label = (rng.random(size) < 0.05).astype(int)
    score = rng.normal(size=size) + 1.5 * label
    told = card_precisions(CardDays.of(day, card, label), score, 20)
    assert told.tolist() == handbook(day, card, label, score, 20)


def test_a_card_that_was_found_is_not_found_again() -> None:
    day, card = np.array([0, 1, 1]), np.array(["a", "a", "b"])
    told = card_precisions(
        CardDays.of(day, card, np.array([1, 1, 1])), np.array([1.0, 9.0, 1.0]), 1
    )
    assert told.tolist() == [1.0, 1.0]


def test_fewer_cards_than_places_still_count_by_places() -> None:
    groups = CardDays.of(np.array([0]), np.array([1]), np.array([1]))
    assert card_precisions(groups, np.array([0.5]), 100).tolist() == [0.01]

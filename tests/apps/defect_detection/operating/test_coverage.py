"""What a certificate says is true in at least 95 of 100 draws, whatever the scores look like.

Each test draws a thousand datasets from a population whose rates are known exactly, fits, and
counts the certificates that are wrong. Populations 2 to 5 are made to break careless methods.
"""

from collections.abc import Callable

import numpy as np
import pytest

from apps.defect_detection.operating.fit import fit
from apps.defect_detection.operating.limits import Limit, Promise
from apps.defect_detection.schema import OperatingPoint
from tests.apps.defect_detection.operating.made import Population

DRAWS = 1000
ESCAPE = Limit(kind="escape", at_most=0.05)
OVERKILL = Limit(kind="overkill", at_most=0.05)
RULES = OperatingPoint()

pytestmark = pytest.mark.slow


def population(bad: np.ndarray, good: np.ndarray, labels: np.ndarray | None = None) -> Population:
    """Parts of one picture; finds in good ones are of the first class."""
    scores = np.zeros((len(bad) + len(good), 1, 2))
    defect = np.full(len(scores), -1)
    defect[: len(bad)] = 0 if labels is None else labels
    scores[np.arange(len(bad)), 0, defect[: len(bad)]] = bad.round(4)
    scores[len(bad) :, 0, 0] = good.round(4)
    return Population(scores=scores, defect=defect)


def smooth(random: np.random.Generator) -> Population:
    """What a good detector's scores look like."""
    return population(random.beta(5, 1.5, 3000), random.beta(1, 8, 3000))


def just_above(random: np.random.Generator) -> Population:
    """Six in a hundred are never found: no certificate of five can be true."""
    bad = random.beta(5, 1.5, 3000)
    bad[: len(bad) * 6 // 100] = 0
    return population(bad, random.beta(1, 8, 3000))


def staircase(random: np.random.Generator) -> Population:
    """A long plateau of thresholds whose rate is a little above the limit: many wrong choices."""
    bad = np.concatenate([np.full(50, 0.02), np.linspace(0.03, 0.9, 30), np.full(920, 0.95)])
    good = np.concatenate([np.full(50, 0.99), np.linspace(0.1, 0.97, 30), np.zeros(920)])
    bad[50:62] = 0.021
    good[50:62] = 0.985
    return population(np.repeat(bad, 6), np.repeat(good, 6))


def ties(random: np.random.Generator) -> Population:
    """Three values only, as coarse quantisation gives them."""
    bad = random.choice([0.2, 0.5, 0.8], 3000, p=[0.055, 0.145, 0.8])
    return population(bad, random.choice([0.2, 0.5, 0.8], 3000, p=[0.8, 0.145, 0.055]))


def clustered(random: np.random.Generator) -> Population:
    """Five pictures a part that are found together or not at all: pictures are no samples."""
    luck = np.where(random.random(2000) < 0.05, 0.0, random.beta(6, 1.2, 2000))
    scores = np.zeros((4000, 5, 2))
    scores[:2000, :, 0] = (luck[:, None] * (1 - 0.01 * random.random((2000, 5)))).round(4)
    scores[2000:, :, 1] = (random.beta(1, 12, 2000)[:, None] * np.ones(5)).round(4)
    defect = np.full(4000, -1)
    defect[:2000] = 0
    return Population(scores=scores, defect=defect)


POPULATIONS = [smooth, just_above, staircase, ties, clustered]
Make = Callable[[np.random.Generator], Population]


def wrong_and_given(people: Population, promise: Promise, parts: int) -> tuple[float, float]:
    """The share of draws whose certificate is wrong, and of draws with a certificate at all."""
    random = np.random.default_rng(11)
    wrong = given = 0
    known: dict[str, bool] = {}
    for _ in range(DRAWS):
        fitted = fit(people.draw(random, parts), RULES, promise)
        sure = [one.limit for one in fitted.certificate.found if one.holds]
        given += bool(sure)
        key = fitted.point.model_dump_json() + "".join(limit.model_dump_json() for limit in sure)
        if key not in known:
            known[key] = any(people.rate(fitted.point, limit) > limit.at_most for limit in sure)
        wrong += known[key]
    return wrong / DRAWS, given / DRAWS


@pytest.mark.parametrize("make", POPULATIONS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("limit", [ESCAPE, OVERKILL], ids=lambda limit: limit.kind)
def test_a_certificate_is_wrong_in_at_most_five_of_a_hundred_draws(
    make: Make, limit: Limit
) -> None:
    people = make(np.random.default_rng(5))
    wrong, given = wrong_and_given(people, Promise(limits=(limit,)), 500)
    assert wrong <= 0.05
    if make is smooth:
        assert given > 0.99


@pytest.mark.parametrize("by_class", [False, True])
def test_all_limits_of_a_promise_hold_together(by_class: bool) -> None:
    random = np.random.default_rng(6)
    rare = (random.random(1500) < 0.25).astype(int)
    people = population(
        np.where(rare, random.beta(3, 2, 1500), random.beta(6, 1.2, 1500)),
        random.beta(1, 8, 1500),
        rare,
    )
    limits = (ESCAPE, Limit(kind="escape", at_most=0.1, label="scratch"), OVERKILL)
    wrong, given = wrong_and_given(people, Promise(limits=limits, by_class=by_class), 600)
    assert wrong <= 0.05
    assert given > 0.9


def test_a_careless_method_fails_this_simulation() -> None:
    """The threshold that just keeps the limit on the same parts is wrong every second time."""
    people = smooth(np.random.default_rng(5))
    bad = people.scores[people.defect >= 0].max(axis=(1, 2))
    random = np.random.default_rng(11)
    wrong = 0.0
    for _ in range(DRAWS):
        drawn = random.choice(bad, 250)
        threshold = np.sort(drawn)[int(0.05 * len(drawn))]
        wrong += (bad < threshold).mean() > ESCAPE.at_most
    assert wrong / DRAWS > 0.3

"""A budget is chosen on one stretch and certified on a later one, or told what is missing."""

import numpy as np
import pytest
from pydantic import ValidationError

from apps.fraud.decide import decide_columns
from apps.fraud.schema import OperatingPoint, Rule
from apps.fraud.thresholds.asked import Asked, Budget, BudgetCertificate, Fitted
from apps.fraud.thresholds.fit import fit
from apps.fraud.thresholds.words import of_budget, of_queue
from loupe.contract.runtime.errors import InputRefused
from tests.apps.fraud.thresholds.made import DAY, stretch

RULES = OperatingPoint(rules=(Rule(key="late", when="late", outcome="review"),))
LOOSE = Asked(budgets=(Budget(outcome="block", at_most=0.01),))


def test_a_budget_holds_on_the_later_stretch_and_the_point_keeps_the_rules() -> None:
    columns, labels = stretch(40_000, 800, seed=1)
    fitted = fit(columns, labels, RULES, LOOSE)
    found = fitted.certificate.found[0]
    assert fitted.certificate.holds
    assert found.holds
    assert found.certified_on.value is not None
    assert found.certified_on.value <= 0.01
    assert fitted.point.rules == RULES.rules
    later = np.asarray(columns["event_time"] >= fitted.certificate.certified_from)
    decided = decide_columns(columns, fitted.point).outcome
    blocked = later & (labels == 0) & (decided == "block")
    assert int(blocked.sum()) == found.certified_on.hits
    assert int((later & (labels == 0)).sum()) == found.certified_on.rows
    # Not by blocking nobody: the ladder is walked as far as the budget goes.
    assert found.certified_on.value > 0.005
    assert (decided[labels == 1] == "block").mean() > 0.5
    assert BudgetCertificate.model_validate_json(fitted.certificate.model_dump_json()) == (
        fitted.certificate
    )


def test_the_later_stretch_has_no_say_in_the_choice() -> None:
    columns, labels = stretch(20_000, 400, seed=2)
    first = fit(columns, labels, RULES, LOOSE)
    later = columns["event_time"] >= first.certificate.certified_from
    worse = {**columns, "score": np.where(later & (labels == 0), 0.999, columns["score"])}
    second = fit(worse, labels, RULES, LOOSE, certify_from=first.certificate.certified_from)
    assert not second.certificate.holds
    assert second.certificate.found[0].chosen_on.rows == first.certificate.found[0].chosen_on.rows
    better = {**columns, "score": np.where(later, 0.0, columns["score"])}
    third = fit(better, labels, RULES, LOOSE, certify_from=first.certificate.certified_from)
    assert third.point.bands[0].block <= first.point.bands[0].block


def test_too_little_data_says_how_many_legitimate_rows_are_missing() -> None:
    columns, labels = stretch(10_000, 200, seed=3)
    certificate = fit(columns, labels, RULES, Asked()).certificate
    found = certificate.found[0]
    assert not found.holds
    # 14,978 rows without a single false positive certify 0.02 % at 95 %.
    assert found.missing is not None
    assert found.missing >= 14_978 - found.certified_on.rows > 0
    assert found.missing_to_measure == pytest.approx(480_000 - found.certified_on.rows, rel=0.01)
    said = of_budget(found, 0.95)
    assert (
        f"At least {found.missing:,} more legitimate rows are needed to certify 0.02 %."
        in said[2].en
    )
    assert "尚未得到认证" in said[0].zh


def test_so_many_rows_as_were_missing_are_enough() -> None:
    def bounded(honest: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        columns, labels = stretch(honest, 50, seed=seed)
        # No honest score above what the earlier rows have shown, so none is a false positive.
        columns["score"] = np.where(labels == 0, np.minimum(columns["score"], 0.3), 0.9)
        return columns, labels

    columns, labels = bounded(2_000, 4)
    asked = Asked(budgets=(Budget(outcome="block", at_most=0.001),))
    found = fit(columns, labels, RULES, asked).certificate.found[0]
    assert found.missing is not None
    assert not found.holds
    needed = found.certified_on.rows + found.missing
    more, known = bounded(3 * needed, 5)
    honest = np.sort(more["event_time"][known == 0])
    enough = fit(more, known, RULES, asked, certify_from=int(honest[-needed]))
    assert enough.certificate.found[0].certified_on.rows == needed
    assert enough.certificate.holds
    short = fit(more, known, RULES, asked, certify_from=int(honest[-needed]) + 1)
    assert not short.certificate.holds
    assert short.certificate.found[0].missing == 1


def test_a_model_that_cannot_keep_the_budget_is_told_that_no_number_would_do() -> None:
    columns, labels = stretch(10_000, 100, seed=6)
    rank = np.where(np.arange(len(labels)) % 20 == 0, 1.0, columns["score"])
    later = np.asarray(columns["event_time"]) > 10 * DAY
    columns["score"] = np.where(later, rank, columns["score"])
    found = fit(columns, labels, RULES, LOOSE, certify_from=10 * DAY + 1).certificate.found[0]
    assert not found.holds
    assert found.missing is None
    assert "no number of rows would do" in of_budget(found, 0.95)[2].en


def test_two_budgets_and_a_queue_stand_beside_each_other() -> None:
    columns, labels = stretch(40_000, 800, seed=7)
    asked = Asked(
        budgets=(
            Budget(outcome="block", at_most=0.002),
            Budget(outcome="step_up", at_most=0.02),
        ),
        queue_per_day=25,
    )
    fitted = fit(columns, labels, RULES, asked)
    assert fitted.certificate.holds
    band = fitted.point.bands[0]
    assert band.step_up < band.block
    assert band.review <= band.block
    told = fitted.certificate.queue
    assert told is not None
    assert told.a_day == pytest.approx(25, rel=0.35)
    assert fitted.point.queue_per_day == 25
    decided = decide_columns({**columns}, fitted.point).outcome
    later = columns["event_time"] >= fitted.certificate.certified_from
    assert int((decided[later] == "review").sum()) == round(told.a_day * told.days)
    assert "25 asked for" in of_queue(told).en


def _priced(seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Large frauds are rare and hard, small ones frequent and easy."""
    columns, labels = stretch(60_000, 3_000, seed=seed)
    large = columns["amount"] > 10_000
    chance = np.random.default_rng(seed)
    noise = chance.beta(2, 2, len(labels))
    columns["score"] = np.where(large, 0.5 * columns["score"] + 0.5 * noise, columns["score"])
    return columns, labels


def test_bands_hold_their_budget_each_and_by_money_they_stop_more_of_it() -> None:
    columns, labels = _priced(8)
    edges = (2_000, 10_000)
    budget = (Budget(outcome="block", at_most=0.01),)
    even = fit(columns, labels, RULES, Asked(budgets=budget, edges=edges))
    money = fit(columns, labels, RULES, Asked(budgets=budget, edges=edges, allocate="money"))
    assert even.certificate.holds
    assert money.certificate.holds
    assert [band.from_amount for band in even.point.bands] == [0, 2_000, 10_000]
    for band in even.certificate.bands:
        assert band.blocked_honest <= 0.02 * band.honest

    def stopped(fitted: Fitted) -> int:
        return sum(band.caught_amount for band in fitted.certificate.bands)

    assert stopped(money) > 1.02 * stopped(even)


def test_rows_without_a_label_are_left_out_and_counted() -> None:
    columns, labels = stretch(20_000, 400, seed=9)
    labels[::10] = -1
    certificate = fit(columns, labels, RULES, LOOSE).certificate
    assert certificate.unknown == len(labels[::10])


def test_what_cannot_be_asked_is_refused() -> None:
    columns, labels = stretch(100, 5, seed=10)
    with pytest.raises(InputRefused, match="both are needed"):
        fit(columns, np.full(len(labels), -1), RULES, LOOSE)
    with pytest.raises(InputRefused, match="labels came for"):
        fit(columns, labels[:-1], RULES, LOOSE)
    with pytest.raises(InputRefused, match="later ones certify"):
        fit(columns, labels, RULES, LOOSE, certify_from=10**15)
    with pytest.raises(ValidationError, match="ascending"):
        Asked(edges=(5, 5))
    with pytest.raises(ValidationError, match="one budget an outcome"):
        Asked(budgets=(Budget(outcome="block", at_most=0.1),) * 2)
    with pytest.raises(ValidationError, match="Nothing is asked for"):
        Asked(budgets=())

"""Backtests count what a candidate would have done, survive their workers, and can be stopped."""

import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.fraud.models import Backtest
from apps.fraud.operating.compare import Comparison
from apps.fraud.operating.prices import Prices
from apps.fraud.schema import OperatingPoint
from apps.fraud.services import (
    backtest_shown,
    backtest_work,
    backtests,
    deciding_again,
    drafts,
    prices,
)
from apps.fraud.services.errors import Taken, Unusable
from loupe.accounts.errors import Denied, NotVisible
from loupe.registry.models import Stage
from tests.apps.fraud.bank import AT, Bank
from tests.apps.fraud.services import trials

START = datetime.fromtimestamp(AT / 1000, tz=UTC)
PRICES = {**Prices().model_dump(), "review": 450, "customer": 2_000, "margin": 0.02}


def asked(bank: Bank, **more: Any) -> Backtest:
    told = {"start": START, "stop": START + timedelta(days=9), **more}
    return backtests.begin(bank.actor("engineer"), bank.project, **told)


def finished(backtest: Backtest) -> Backtest:
    while backtest.ended_at is None:
        backtest_work.turn(backtest.pk)
        backtest.refresh_from_db()
    return backtest


@pytest.fixture
def models(bank: Bank) -> tuple[Any, Any]:
    return trials.version(bank, 1, Stage.PRODUCTION), trials.version(bank, 2)


def test_a_candidate_is_counted_as_by_hand_beside_what_production_did(
    bank: Bank, models: tuple[Any, Any]
) -> None:
    days = [trials.payments(60, day) for day in range(3)]
    for day in days:
        bank.store(*day)
    rows = [row for day in days for row in day]
    said = trials.label(bank, rows)
    prices.save(bank.actor("engineer"), bank.project, PRICES)
    point = {"bands": [{"from_amount": 0, "step_up": 0.2, "review": 0.4, "block": 0.6}]}
    draft = drafts.save(bank.actor("engineer"), bank.project, models[1], point)
    found = finished(asked(bank, draft=draft.number))
    assert found.state == "done", found.error
    assert found.rows == 180
    result = Comparison.model_validate(found.result)
    costs = Prices.model_validate(PRICES)
    again = [
        row.model_copy(update={"score": score})
        for row, score in zip(rows, trials.scores(trials.folder_of(models[1]), rows), strict=True)
    ]
    ours = OperatingPoint.model_validate(draft.data)
    for side, seen, decided_by in (
        (result.champion, rows, bank.point),
        (result.challenger, again, ours),
    ):
        by_hand = trials.counted(seen, said, decided_by, costs)
        assert side.total.stopped == round(by_hand["stopped"])
        assert side.total.cost == round(by_hand["cost"])
        assert side.total.reviews == by_hand["reviews"]
        blocked = next(line for line in side.by_outcome if line.key == "block")
        assert blocked.transactions == by_hand["blocked"]
    assert result.champion.total != result.challenger.total
    assert not found.assumed
    assert result.days == 3


def test_a_period_takes_what_happened_in_it_and_each_transaction_once(
    bank: Bank, models: tuple[Any, Any]
) -> None:
    for day in range(3):
        bank.store(*trials.payments(20, day))
    bank.store(*trials.payments(20, 1), session="a file sent again")
    second = START + timedelta(days=1)
    found = finished(asked(bank, version=models[1].pk, start=second, stop=second + timedelta(1)))
    assert found.rows == 20


def test_it_goes_on_where_a_worker_was_killed(
    bank: Bank, models: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    rows = [row for day in range(4) for row in trials.payments(30, day)]
    for day in range(4):
        bank.store(*rows[day * 30 : day * 30 + 30])
    trials.label(bank, rows)
    whole = finished(asked(bank, version=models[1].pk))
    settings.LEASE_SECONDS = 0  # a lease of a dead worker has run out
    cut = asked(bank, version=models[1].pk)
    read: list[str] = []
    ask = deciding_again.Program.ask

    def killed(self: deciding_again.Program, op: str, **said: Any) -> dict[str, Any]:
        told = ask(self, op, **said)
        read.append(op)
        if op == "part" and read.count("part") in (1, 3):
            raise KeyboardInterrupt
        return told

    monkeypatch.setattr(deciding_again.Program, "ask", killed)
    for _worker in range(2):
        with pytest.raises(KeyboardInterrupt):
            backtest_work.turn(cut.pk)
    finished(cut)
    # Four blocks were read four times in all: nothing again, nothing left out.
    assert read.count("part") == 4
    assert (cut.result, cut.rows, cut.done) == (whole.result, whole.rows, whole.done)
    assert not backtest_work.folder_of(cut).exists()


def test_it_begins_anew_where_its_parts_were_lost(
    bank: Bank, models: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(3):
        bank.store(*trials.payments(10, day))
    whole = finished(asked(bank, version=models[1].pk))
    cut = asked(bank, version=models[1].pk)
    with monkeypatch.context() as short:
        short.setattr(backtest_work, "TURN_S", -1.0)
        backtest_work.turn(cut.pk)
    shutil.rmtree(backtest_work.folder_of(cut))
    finished(cut)
    assert (cut.result, cut.rows, cut.done) == (whole.result, whole.rows, whole.done)


def test_a_turn_ends_after_a_while_and_the_next_one_goes_on(
    bank: Bank, models: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(3):
        bank.store(*trials.payments(10, day))
    monkeypatch.setattr(backtest_work, "TURN_S", -1.0)
    found = asked(bank, version=models[1].pk)
    for done in (1, 2):
        backtest_work.turn(found.pk)
        found.refresh_from_db()
        assert (found.state, found.done, found.rows) == ("running", done, 10 * done)
    assert finished(found).state == "done"


def test_two_workers_never_have_it_at_the_same_time(bank: Bank, models: tuple[Any, Any]) -> None:
    bank.store(*trials.payments(10))
    found = asked(bank, version=models[1].pk)
    assert backtest_work.LEASING.claimed(found.pk) is not None
    backtest_work.turn(found.pk)
    found.refresh_from_db()
    assert (found.state, found.done) == ("running", 0)


def test_cancelled_it_stops_and_keeps_nothing(bank: Bank, models: tuple[Any, Any]) -> None:
    bank.store(*trials.payments(10))
    found = backtests.cancel(bank.actor("engineer"), asked(bank, version=models[1].pk))
    backtest_work.turn(found.pk)
    found.refresh_from_db()
    assert (found.state, found.result) == ("cancelled", None)
    with pytest.raises(Taken, match="nothing to cancel"):
        backtests.cancel(bank.actor("engineer"), found)


@pytest.mark.parametrize("seconds", [45.0, -1.0], ids=["in one turn", "a turn for each block"])
def test_blocks_the_candidate_cannot_score_are_left_out_and_told(
    bank: Bank, models: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    bank.store(*[row.model_copy(update={"features": {}, "id": f"x{row.id}"})
                 for row in trials.payments(10, 1)])  # fmt: skip
    bank.store(*trials.payments(10))
    found = asked(bank, version=models[1].pk)
    with monkeypatch.context() as turns:
        turns.setattr(backtest_work, "TURN_S", seconds)
        for _turn in range(2):
            backtest_work.turn(found.pk)
    found = finished(found)
    assert (found.state, found.rows, found.left_out) == ("done", 10, 1)
    assert "features are missing" in found.left_out_why


@pytest.mark.parametrize("without", ["blocks", "features"])
def test_with_nothing_to_count_it_fails_with_a_sentence(
    bank: Bank, models: tuple[Any, Any], without: str
) -> None:
    if without == "features":
        bank.store(*[row.model_copy(update={"features": {}}) for row in trials.payments(5)])
    found = finished(asked(bank, version=models[1].pk))
    assert found.state == "failed"
    assert found.error.endswith(".")
    assert found.error_code in ("nothing_decided", "nothing_taken")


def test_old_transactions_that_nobody_spoke_of_count_as_honest_if_one_says_so(
    bank: Bank, models: tuple[Any, Any]
) -> None:
    bank.store(*trials.payments(10))
    told = {
        silent: Comparison.model_validate(
            finished(asked(bank, version=models[1].pk, silent_honest=silent)).result
        ).challenger.total
        for silent in (False, True)
    }
    assert (told[False].honest, told[False].unknown) == (0, 10)
    assert (told[True].honest, told[True].unknown) == (10, 0)


def test_prices_are_assumptions_until_somebody_says_some(
    bank: Bank, models: tuple[Any, Any]
) -> None:
    bank.store(*trials.payments(5))
    first = asked(bank, version=models[1].pk)
    prices.save(bank.actor("engineer"), bank.project, PRICES, "asked the accountants")
    second = asked(bank, version=models[1].pk)
    assert (first.assumed, second.assumed) == (True, False)
    assert Prices.model_validate(first.prices) == Prices()
    assert second.prices["review"] == 450
    with pytest.raises(Unusable, match="margin"):
        prices.save(bank.actor("engineer"), bank.project, {**PRICES, "margin": 3})
    for key, value, why in (
        ("review", 2**40, f"is above {2**40 - 1}"),
        ("review", 1e30, "is too large"),
        ("review_minutes", 1e300, "is above 43200"),
    ):
        with pytest.raises(Unusable, match=f"{key}: .* {why}"):
            prices.save(bank.actor("engineer"), bank.project, {**PRICES, key: value})
    with pytest.raises(Denied):
        prices.save(bank.actor("reviewer"), bank.project, PRICES)


def test_what_cannot_be_asked_is_refused(bank: Bank, models: tuple[Any, Any]) -> None:
    engineer = bank.actor("engineer")
    with pytest.raises(Unusable, match="either"):
        backtests.begin(engineer, bank.project, version=models[1].pk)
    with pytest.raises(Unusable, match="end after"):
        asked(bank, version=models[1].pk, stop=START)
    with pytest.raises(NotVisible):
        asked(bank, version=10**9)
    with pytest.raises(Denied):
        backtests.begin(bank.actor("reviewer"), bank.project, start=START, stop=START)


def test_its_files_say_what_its_page_says(bank: Bank, models: tuple[Any, Any]) -> None:
    for day in range(2):
        bank.store(*trials.payments(20, day))
    found = finished(asked(bank, version=models[1].pk))
    shown = backtest_shown.shown(found)
    assert shown is not None
    assert shown.curve is not None
    lines = backtest_shown.as_csv(found).decode("utf-8-sig").splitlines()
    total = next(line for line in lines if line.startswith("challenger,total,")).split(",")
    assert total[3] == "40"
    assert total[lines[0].split(",").index("saved")] == str(shown.result.challenger.total.saved)
    assert len([line for line in lines if line.startswith("champion,day,")]) == 2

"""A challenger in the shadow decides along: nothing comes of it, and its faults hurt nobody."""

import io
from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq
import pytest

from apps.fraud.decide import decide
from apps.fraud.models import Alert, Shadow, ShadowBlock, ShadowDifference
from apps.fraud.schema import OperatingPoint, ScoredTransaction
from apps.fraud.services import deciding_again, drafts, shadow_work, shadows
from apps.fraud.services.errors import Taken, Unusable
from loupe.accounts.errors import Denied
from loupe.blobs import services as blobs
from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.jobs.models import ResultBlock
from loupe.registry.models import Stage
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.services import trials

POINT = {"bands": [{"from_amount": 0, "step_up": 2, "review": 0.5, "block": 0.8}]}


@pytest.fixture
def challenger(bank: Bank) -> Any:
    trials.version(bank, 1, Stage.PRODUCTION)
    return trials.version(bank, 2)


def begun(bank: Bank, challenger: Any) -> Shadow:
    draft = drafts.save(bank.actor("engineer"), bank.project, challenger, POINT)
    return shadows.begin(bank.actor("engineer"), bank.project, draft=draft.number)


def outcomes(challenger: Any, rows: Sequence[ScoredTransaction]) -> list[str]:
    point = OperatingPoint.model_validate(POINT)
    found = trials.scores(trials.folder_of(challenger), rows)
    return [
        decide(row.model_copy(update={"score": score}), point).outcome
        for row, score in zip(rows, found, strict=True)
    ]


def test_every_decision_since_its_beginning_is_made_again_and_kept(
    bank: Bank, challenger: Any
) -> None:
    bank.store(*trials.payments(10))
    run = begun(bank, challenger)
    rows = trials.payments(80, 1)
    block = bank.store(*rows)
    assert shadow_work.turn(bank.project.pk) == 1
    run.refresh_from_db()
    theirs = [decide(row, bank.point).outcome for row in rows]
    ours = outcomes(challenger, rows)
    assert run.rows == 80
    assert run.same == sum(a == b for a, b in zip(theirs, ours, strict=True)) < 80
    for key, (count, amount) in run.matrix.items():
        one, two = key.split(">")
        mine = [row for row, a, b in zip(rows, theirs, ours, strict=True) if (a, b) == (one, two)]
        assert (count, amount) == (len(mine), sum(row.amount for row in mine))
    kept = ShadowBlock.objects.get(shadow=run)
    with blobs.open_local(kept.blob) as path:
        table = pq.read_table(io.BytesIO(path.read_bytes())).to_pydict()
    assert kept.block == block.block_id
    assert table["id"] == [row.id for row in rows]
    assert (table["champion"], table["challenger"]) == (theirs, ours)
    told = ShadowDifference.objects.filter(shadow=run).values_list("transaction", flat=True)
    assert set(told) == {row.id for row, a, b in zip(rows, theirs, ours, strict=True) if a != b}


def test_no_outcome_and_no_alert_comes_of_it(bank: Bank, challenger: Any) -> None:
    begun(bank, challenger)
    bank.store(*trials.payments(40, 1))
    before = (
        list(ResultBlock.objects.values_list("blob", "outcomes")),
        list(Alert.objects.order_by("pk").values()),
    )
    told = len(bank.told)
    shadow_work.turn(bank.project.pk)
    after = (
        list(ResultBlock.objects.values_list("blob", "outcomes")),
        list(Alert.objects.order_by("pk").values()),
    )
    assert after == before
    assert len(bank.told) == told


def test_what_it_cannot_score_is_left_behind_and_the_run_goes_on(
    bank: Bank, challenger: Any
) -> None:
    run = begun(bank, challenger)
    bank.store(*[row.model_copy(update={"features": {}}) for row in trials.payments(5, 1)])
    bank.store(*trials.payments(5, 2))
    shadow_work.turn(bank.project.pk)
    run.refresh_from_db()
    assert (run.rows, run.skipped) == (5, 1)
    assert "features are missing" in run.error


def test_a_challenger_that_kills_its_process_hurts_only_itself(
    bank: Bank, challenger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(bank, challenger)
    ask = deciding_again.Program.ask

    def dies(self: deciding_again.Program, op: str, **said: Any) -> dict[str, Any]:
        if op == "shadow":
            self._process.kill()
        return ask(self, op, **said)

    monkeypatch.setattr(deciding_again.Program, "ask", dies)
    block = bank.store(*trials.payments(5, 1))
    assert shadow_work.turn(bank.project.pk) == 1
    run.refresh_from_db()
    assert (run.skipped, run.cursor, run.error_code) == (1, block.block_id, "deciding_failed")
    monkeypatch.undo()
    bank.store(*trials.payments(5, 2))
    shadow_work.turn(bank.project.pk)
    run.refresh_from_db()
    assert (run.rows, run.skipped) == (5, 1)


def test_the_program_says_how_it_died(bank: Bank, challenger: Any) -> None:
    with deciding_again.deciding(challenger, OperatingPoint()) as program:
        program._process.kill()
        with pytest.raises(TemporarilyUnavailable, match="ended with status"):
            program.ask("conclude", prices={})


def test_differences_are_weighed_by_labels_that_come_later(bank: Bank, challenger: Any) -> None:
    run = begun(bank, challenger)
    rows = trials.payments(60, 1)
    bank.store(*rows)
    shadow_work.turn(bank.project.pk)
    assert shadows.money(run).labelled == 0
    said = trials.label(bank, rows)
    theirs = [decide(row, bank.point).outcome for row in rows]
    stops = {"approve": 0.0, "step_up": 0.9, "review": 0.9, "block": 1.0}
    stopped = honest = labelled = 0.0
    for row, one, two in zip(rows, theirs, outcomes(challenger, rows), strict=True):
        word = said.get(row.id)
        if one != two:
            labelled += word is not None
            stopped += row.amount * (stops[two] - stops[one]) if word == "fraud" else 0
            honest += ((two == "block") - (one == "block")) if word == "honest" else 0
    found = shadows.money(run)
    assert (found.labelled, found.stopped, found.honest) == (labelled, round(stopped), honest)


def test_one_challenger_at_a_time_and_never_the_champion_itself(
    bank: Bank, challenger: Any
) -> None:
    engineer = bank.actor("engineer")
    with pytest.raises(Unusable, match="decides already"):
        shadows.begin(engineer, bank.project)
    with pytest.raises(Denied):
        shadows.begin(bank.actor("reviewer"), bank.project, version=challenger.pk)
    run = begun(bank, challenger)
    with pytest.raises(Taken, match="in the shadow"):
        shadows.begin(engineer, bank.project, version=challenger.pk)
    shadows.end(engineer, run)
    bank.store(*trials.payments(5, 1))
    assert shadow_work.turn(bank.project.pk) == 0
    with pytest.raises(Taken, match="ended already"):
        shadows.end(engineer, run)
    shadows.begin(engineer, bank.project, version=challenger.pk)

"""Thresholds are proposed from labelled results, certified or told what is missing, then used."""

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from apps.fraud.models import ThresholdFit, ThresholdRun, TransactionLabel
from apps.fraud.schema import ScoredTransaction
from apps.fraud.services import deciding, deciding_again, fitting_work, fittings, thresholds
from apps.fraud.thresholds.asked import Asked, Budget
from loupe.audit.models import Event
from loupe.host.models import ModelVersion
from loupe.jobs.models import Provenance
from loupe.testing import factories
from tests.apps.fraud.bank import Bank, paid

FRAUDS, HONEST = 40, 1_960
FORM = {"budget": "5", "confidence": "95", "allocate": "even"}


def scored(number: int, score: float, **more: Any) -> ScoredTransaction:
    """One a minute, so that two thousand fill a day and a half."""
    return paid(number, f"C-{number % 50}", score=score, **more)


def label(bank: Bank, rows: list[ScoredTransaction], words: list[str]) -> None:
    now = datetime(2026, 4, 1, tzinfo=UTC)
    TransactionLabel.objects.bulk_create(
        TransactionLabel(
            project=bank.project,
            transaction=row.id,
            label=word,
            known_at=now,
            source="report",
            who="system",
            standing=True,
            created_at=now,
        )
        for row, word in zip(rows, words, strict=True)
    )


@pytest.fixture
def version(bank: Bank) -> ModelVersion:
    return factories.model_version(None, "fraud", "payments")


@pytest.fixture
def labelled(bank: Bank, version: ModelVersion) -> Bank:
    """Two thousand transactions of the model that decides; frauds score higher than most."""
    dice = np.random.default_rng(5)
    fraud = dice.permutation(FRAUDS + HONEST) < FRAUDS
    scores = np.where(fraud, dice.beta(9, 1, len(fraud)), dice.beta(1, 9, len(fraud)))
    rows = [
        scored(n, float(score), amount=10_000 if n % 2 else 60_000)
        for n, score in enumerate(scores)
    ]
    bank.block(*rows)
    Provenance.objects.update(model_version=version)
    label(bank, rows, ["fraud" if one else "honest" for one in fraud])
    return bank


def fitted() -> ThresholdRun:
    """The newest fit, when workers have had their turns at it."""
    run = ThresholdRun.objects.latest("created_at")
    while run.ended_at is None:
        fitting_work.turn(run.pk)
        run.refresh_from_db()
    return run


def propose(bank: Bank, **changed: str) -> Any:
    """The page of a proposal that was asked for by the form and made by a worker."""
    client = bank.client("engineer")
    begun = client.post(bank.url("thresholds/propose"), {**FORM, **changed})
    fitted()
    return client.get(begun.headers["Location"])


def test_a_budget_is_certified_with_its_interval_drawn_and_used(labelled: Bank) -> None:
    page = propose(labelled).content.decode()
    row = ThresholdFit.objects.get()
    (found,) = row.certificate["found"]
    assert (row.rows, found["holds"], found["missing"]) == (2_000, True, 0)
    assert "At most 5 % of legitimate payments block: holds with 95 % confidence" in page
    assert 'class="at"' in page
    assert 'class="between"' in page
    assert " style=" not in page
    done = labelled.client("engineer").post(
        labelled.url("thresholds/act"),
        {"verb": "use", "proposal": str(row.pk), "note": "Q2"},
        follow=True,
    )
    assert b"It decides from now on" in done.content
    present = deciding.now(labelled.actor("engineer"), labelled.project)
    assert present.stored.data["bands"] == row.bands
    assert (present.stored.certificate, present.stored.note) == (row.certificate, "Q2")
    row.refresh_from_db()
    assert row.used_as == present.stored.number
    # The measured share is the share of honest rows of the later half that reach the cut-off.
    share = found["certified_on"]
    assert share["low"] <= share["hits"] / share["rows"] <= share["high"] < 0.05
    events = Event.objects.filter(project=labelled.project).values_list("action", flat=True)
    assert {"thresholds.proposed", "operating_point.set"} <= set(events)


def test_bands_and_a_queue_are_fitted_together(labelled: Bank) -> None:
    page = propose(labelled, edges="500", queue="20", allocate="money").content.decode()
    row = ThresholdFit.objects.get()
    assert [band["from_amount"] for band in row.bands] == [0, 50_000]
    assert row.certificate["queue"]["asked"] == 20
    assert "The queue would have got" in page
    assert "500.00\xa0EUR" in page


def test_too_little_data_says_how_many_legitimate_rows_are_missing(labelled: Bank) -> None:
    page = propose(labelled, budget="0.02").content.decode()
    (found,) = ThresholdFit.objects.get().certificate["found"]
    # Without one false positive ln(0.05) / ln(1 − 0.0002) rows certify 0.02 %.
    needed = math.ceil(math.log(0.05) / math.log1p(-0.0002))
    assert found["missing"] == needed - found["certified_on"]["rows"]
    assert f"At least {found['missing']:,} more legitimate rows are needed" in page
    assert "not certified" in page


def test_without_labels_nothing_is_proposed_and_the_missing_rows_are_named(
    bank: Bank, version: ModelVersion
) -> None:
    bank.block(*(scored(n, 0.1) for n in range(30)))
    Provenance.objects.update(model_version=version)
    answer = propose(bank)
    assert b"Of 30 scored transactions 0 are known to be legitimate" in answer.content
    needed = 2 * math.ceil(math.log(0.05) / math.log1p(-0.05))
    assert f"At least {needed} more legitimate rows".encode() in answer.content
    chinese = bank.client("engineer").get(
        bank.url("thresholds/"), headers={"accept-language": "zh-hans"}
    )
    assert f"至少还缺 {needed} 笔已知正常的交易" in chinese.content.decode()
    assert not ThresholdFit.objects.exists()
    # What nobody spoke of within the delay counts where that is asked for.
    propose(bank, silent="yes")
    run = ThresholdRun.objects.latest("created_at")
    assert (run.honest, run.missing) == (30, 0)
    assert run.proposal is not None


def test_only_what_the_deciding_model_scored_is_fitted_on(
    labelled: Bank, version: ModelVersion
) -> None:
    labelled.block(*(scored(5_000 + n, 0.99) for n in range(50)))
    propose(labelled)
    assert ThresholdFit.objects.get().rows == 2_000


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"budget": "much"}, "budget: &#x27;much&#x27; is no number"),
        ({"budget": "60"}, "budgets.0.at_most"),
        ({"edges": "500 20"}, "edges are"),
        ({"budget": "", "queue": ""}, "nothing is asked for"),
        ({"step_up": "1"}, "above that of step_up"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_its_field(
    bank: Bank, version: ModelVersion, changed: dict[str, str], words: str
) -> None:
    answer = bank.client("engineer").post(bank.url("thresholds/propose"), {**FORM, **changed})
    assert answer.status_code == 200
    assert words in answer.content.decode()


def test_the_control_group_is_off_capped_and_keeps_its_lot(
    bank: Bank, version: ModelVersion
) -> None:
    actor, client = bank.actor("engineer"), bank.client("engineer")
    assert deciding.now(actor, bank.project).point.control_share == 0
    set_to = {"verb": "control", "share": "1", "cap": "250"}
    client.post(bank.url("thresholds/act"), set_to)
    first = deciding.now(actor, bank.project).point
    assert (first.control_share, first.control_cap) == (0.01, 25_000)
    thresholds.set_control(actor, bank.project, 0.02, 25_000)
    second = deciding.now(actor, bank.project).point
    assert (second.control_key, second.control_share) == (first.control_key, 0.02)
    refused = client.post(bank.url("thresholds/act"), {**set_to, "share": "6"}, follow=True)
    assert b"at most 5 %" in refused.content
    client.post(bank.url("thresholds/act"), {**set_to, "share": "0"})
    assert deciding.now(actor, bank.project).point.control_key == ""


def test_a_proposal_for_another_model_is_not_used(labelled: Bank) -> None:
    asked = Asked(budgets=(Budget(outcome="block", at_most=0.05),))
    actor = labelled.actor("engineer")
    fittings.begin(actor, labelled.project, asked, silent=False)
    made = fitted().proposal
    assert made is not None
    factories.model_version(labelled.project, "fraud", "ours")
    with pytest.raises(Exception, match="was fitted for payments v1; ours v1 decides now"):
        thresholds.use(actor, labelled.project, made.pk)


def test_only_engineers_change_thresholds(bank: Bank, version: ModelVersion) -> None:
    assert bank.client().post(bank.url("thresholds/propose"), FORM).status_code == 403
    assert bank.client().post(bank.url("thresholds/act"), {}).status_code == 403
    assert bank.client("viewer").get(bank.url("thresholds/")).status_code == 200
    assert bank.client("stranger").get(bank.url("thresholds/")).status_code == 404


def test_the_page_follows_a_fit_and_a_page_that_was_closed_has_lost_nothing(labelled: Bank) -> None:
    client = labelled.client("engineer")
    begun = client.post(labelled.url("thresholds/propose"), FORM)
    run = ThresholdRun.objects.get()
    assert begun.headers["Location"].endswith(f"thresholds/?run={run.pk}")
    # Whoever opens the page meanwhile follows it too, from the database.
    page = labelled.client("viewer").get(labelled.url("thresholds/")).content.decode()
    assert f"fits/{run.pk}/live" in page
    assert "<progress" in page
    assert f"fits/{run.pk}/cancel" not in page  # a viewer does not cancel
    fitted()
    live = client.get(labelled.url(f"thresholds/fits/{run.pk}/live")).content.decode()
    assert "hx-trigger" not in live
    assert "holds with 95 % confidence" in live
    assert " style=" not in live
    later = client.get(labelled.url("thresholds/")).content.decode()
    assert "holds with 95 % confidence" in later


def test_a_fit_goes_on_where_a_worker_was_killed(
    labelled: Bank, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    labelled.block(*(scored(9_000 + n, 0.2, label=0) for n in range(40)))
    Provenance.objects.update(model_version=ModelVersion.objects.get())
    settings.LEASE_SECONDS = 0  # a lease of a dead worker has run out
    propose_to = labelled.url("thresholds/propose")
    labelled.client("engineer").post(propose_to, FORM)
    run = ThresholdRun.objects.get()
    read: list[str] = []
    ask = deciding_again.Program.ask

    def killed(self: deciding_again.Program, op: str, **said: Any) -> dict[str, Any]:
        told = ask(self, op, **said)
        read.append(op)
        if op == "keep" and read.count("keep") == 1:
            raise KeyboardInterrupt
        return told

    monkeypatch.setattr(deciding_again.Program, "ask", killed)
    with pytest.raises(KeyboardInterrupt):
        fitting_work.turn(run.pk)
    assert fitting_work.recover() == 1
    done = fitted()
    # Two blocks were read twice in all: nothing again, nothing left out.
    assert (read.count("keep"), done.state, done.rows) == (2, "done", 2_040)
    assert done.proposal is not None
    assert not fitting_work.folder_of(run).exists()


def test_a_cancelled_fit_proposes_nothing_even_if_it_was_about_to_end(
    labelled: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = labelled.client("engineer")
    client.post(labelled.url("thresholds/propose"), FORM)
    run = ThresholdRun.objects.get()
    ask = deciding_again.Program.ask

    def cancelled(self: deciding_again.Program, op: str, **said: Any) -> dict[str, Any]:
        told = ask(self, op, **said)
        if op == "fit":
            client.post(labelled.url(f"thresholds/fits/{run.pk}/cancel"))
        return told

    monkeypatch.setattr(deciding_again.Program, "ask", cancelled)
    fitting_work.turn(run.pk)
    run.refresh_from_db()
    assert (run.state, run.proposal) == ("cancelled", None)
    assert not ThresholdFit.objects.exists()
    again = client.post(labelled.url(f"thresholds/fits/{run.pk}/cancel"), follow=True)
    assert b"nothing to cancel" in again.content
    assert (
        labelled.client("viewer").post(labelled.url(f"thresholds/fits/{run.pk}/cancel")).status_code
        == 403
    )
    stranger = labelled.client("stranger")
    assert stranger.get(labelled.url(f"thresholds/fits/{run.pk}/live")).status_code == 404

"""An explanation is made once, by the model that scored, and says what carried the score."""

from dataclasses import replace

import numpy as np
import pytest
from django.conf import settings

from apps.fraud.explaining.lime import seed_of
from apps.fraud.models import AlertExplanation
from apps.fraud.services import explanation_work, explanations
from loupe.accounts.errors import Denied, NotVisible
from loupe.audit.models import Event
from loupe.jobs.models import Provenance, ResultBlock
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.services.explained import Explained, bank_of


@pytest.fixture
def explained(bank: Bank) -> Explained:
    return bank_of(bank)


def asked(bank: Bank, transaction: str = "E-119") -> AlertExplanation:
    return explanations.ask(bank.actor(), bank.alert("C-17"), transaction)


def made(bank: Bank) -> AlertExplanation:
    row = asked(bank)
    explanation_work.turn(row.pk)
    row.refresh_from_db()
    assert row.state == "done", row.error
    return row


def test_lime_r2_agreement_and_the_neighbours_who_carried_it_are_stored_once(
    bank: Bank, explained: Explained
) -> None:
    row = made(bank)
    told = row.told
    assert told is not None
    lime = told["explanation"]["lime"]
    assert lime["seed"] == seed_of("E-119", told["explanation"]["model_sha256"])
    assert 0 < lime["r2"] <= 1
    assert -1 <= lime["agreement"] <= 1
    # Exact shares and what is usual add up to the margin; the comparison shows the very same.
    whole = sum(group["weight"] for group in told["explanation"]["groups"])
    assert told["explanation"]["usual"] + whole == pytest.approx(
        told["explanation"]["margin"], abs=1e-4
    )
    assert {one["name"] for one in told["compared"]} <= set(lime["weights"])
    assert all(one["en"] and one["zh"] for one in told["compared"])
    # Told from the stored blocks the features are bit for bit those of the live state.
    graph = told["subgraph"]
    assert graph["exact"] is True
    device = explained.rows[-1].entities["device"]
    users = {one.entities["customer"] for one in explained.rows if one.entities["device"] == device}
    shown = {
        one["neighbour"]["payer"]
        for one in graph["carried"]
        if one["neighbour"]["relation"] == "device"
    }
    assert shown
    assert shown <= users - {"C-17"}
    assert np.isfinite(graph["together"])
    # Asked again, by whomever, it is the one that stands.
    assert explanations.ask(bank.actor("second"), bank.alert("C-17"), "E-119").pk == row.pk
    explanation_work.turn(row.pk)
    assert AlertExplanation.objects.get().told == told
    assert Event.objects.filter(action="alert.explained").count() == 1


def test_without_a_name_the_highest_score_is_explained_and_a_wrong_name_is_refused(
    bank: Bank, explained: Explained
) -> None:
    row = explanations.ask(bank.actor(), bank.alert("C-17"))
    hits = bank.alert("C-17").transactions.order_by("-score", "-pk")
    assert row.transaction == hits[0].transaction
    with pytest.raises(NotVisible, match="no transaction 'T-9' in this alert"):
        asked(bank, "T-9")


def test_what_a_dead_worker_held_is_found_and_what_failed_can_be_asked_again(
    bank: Bank, explained: Explained, settings: object
) -> None:
    row = asked(bank)
    assert explanation_work.LEASING.claimed(row.pk) is not None
    explanation_work.turn(row.pk)  # somebody has it
    row.refresh_from_db()
    assert (row.state, row.told) == ("running", None)
    AlertExplanation.objects.update(lease_until=None)
    assert explanation_work.recover() == 1
    ResultBlock.objects.update(rows=0)
    blocks = list(ResultBlock.objects.values_list("pk", flat=True))
    AlertExplanation.objects.update(result=(max(blocks) + 9) << 20)
    explanation_work.turn(row.pk)
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("failed", "block_gone")
    again = asked(bank)
    assert (again.pk, again.state, again.error) == (row.pk, "queued", "")


def test_what_a_killed_worker_holds_is_looked_at_again_when_its_lease_would_have_ended(
    bank: Bank, explained: Explained
) -> None:
    woken: dict[object, float] = {}
    leasing = replace(explanation_work.LEASING, wake=woken.__setitem__)
    row = asked(bank)
    assert leasing.recover() == 1
    assert woken == {row.pk: 0}
    assert leasing.claimed(row.pk) is not None
    assert leasing.recover() == 0
    assert 0 < woken[row.pk] <= settings.LEASE_SECONDS + 0.5


def test_only_those_who_decide_may_ask_and_a_model_must_be_known(
    bank: Bank, explained: Explained
) -> None:
    with pytest.raises(Denied):
        explanations.ask(bank.actor("viewer"), bank.alert("C-17"))
    with pytest.raises(NotVisible):
        explanations.of_alert(bank.actor("stranger"), bank.alert("C-17"))
    Provenance.objects.update(model_version=None)
    with pytest.raises(Exception, match="no longer stored with the model that scored it"):
        asked(bank)

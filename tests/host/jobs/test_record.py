"""Promises of synchronous records: all of a call or nothing, many calls in one transaction."""

import hashlib

import pytest
from django.db import DatabaseError
from django.forms.models import model_to_dict
from django.utils import timezone

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.blobs.models import Blob
from loupe.changes.models import Change
from loupe.contract.outcomes import DecisionDraft
from loupe.intake.models import Input, Submission
from loupe.jobs.models import Decision, Item, Job, Result
from loupe.jobs.provenance import shared
from loupe.jobs.record import SyncCall, begin, record_many, record_sync
from loupe.plugins import registry as apps


def call(project: Project, number: int, **more: object) -> SyncCall:
    """One answered call."""
    return SyncCall(
        actor=SYSTEM,
        project=project,
        app="dummy_app",
        provenance=shared("dummy_app", None, None),
        name=f"{number}.json",
        kind="reading",
        blob=Blob(
            sha256=hashlib.sha256(str(number).encode()).hexdigest(),
            size=1,
            media_type="application/json",
            last_stored_at=timezone.now(),
        ),
        result=apps.get("dummy_app").result_schema(value=1.0, scaled=2.0),
        decision=DecisionDraft(outcome="low", score=float(number)),
        times_ms={"decode": 1.0},
        **more,  # type: ignore[arg-type]
    )


def counts() -> list[int]:
    return [table.objects.count() for table in (Submission, Input, Job, Item, Result, Decision)]


def test_a_call_leaves_the_whole_chain(project: Project) -> None:
    stored = record_sync(call(project, 7))
    assert counts() == [1] * 6
    result = Result.objects.select_related("job__submission", "item__input", "decision").get()
    assert (stored.result_id, stored.item_id) == (result.pk, result.item_id)
    assert (stored.job_id, stored.submission_id) == (result.job_id, result.job.submission_id)
    assert result.job.submission.channel == "sync"
    assert list(result.times_ms) == ["decode", "store"]
    assert Change.objects.get().kind == "result.decided"


def test_calls_of_one_group_keep_their_own_results(project: Project) -> None:
    stored = record_many([call(project, number) for number in range(20)])
    scores = [Decision.objects.get(result_id=one.result_id or 0).score for one in stored]
    assert scores == [float(number) for number in range(20)]
    names = [Item.objects.get(pk=one.item_id).input.name for one in stored]  # type: ignore[union-attr]
    assert names == [f"{number}.json" for number in range(20)]


def test_the_same_bytes_twice_are_one_blob(project: Project) -> None:
    record_many([call(project, 1), call(project, 1)])
    assert (Blob.objects.count(), Result.objects.count()) == (1, 2)


def test_a_call_without_an_answer_is_a_failed_item_that_says_which_policy_applied(
    project: Project,
) -> None:
    answered = call(project, 1)
    unanswered = SyncCall(
        **{
            **vars(answered),
            "result": None,
            "decision": None,
            "fallback": "fail_closed",
            "error_code": "deadline_exceeded",
            "error": "The engine was late.",
        }
    )
    assert record_sync(unanswered).result_id is None
    item = Item.objects.select_related("job__submission").get()
    assert (item.state, item.error_code) == ("failed", "deadline_exceeded")
    assert item.job.submission.fallback == "fail_closed"
    assert Change.objects.get().kind == "item.failed"


@pytest.mark.parametrize("answered", [True, False])
def test_a_call_begun_before_its_answer_is_stored_as_any_other(
    project: Project, answered: bool
) -> None:
    late = {} if answered else {"result": None, "decision": None, "error_code": "late"}
    whole = SyncCall(**{**vars(call(project, 1)), **late})
    early = SyncCall(**{**vars(whole), "result": None, "decision": None, "error_code": ""})
    one, other = record_many([whole, SyncCall(**{**vars(whole), "begun": begin(early)})])
    rows = [
        (
            model_to_dict(item, exclude=["id", "job", "input", "ended_at"]),
            model_to_dict(item.job, exclude=["id", "submission", "started_at", "ended_at"]),
            model_to_dict(item.job.submission, exclude=["id"]),
            item.input and (item.input.name, item.input.kind, item.input.blob_id),
            item.job.started_at == item.job.ended_at == item.ended_at,
        )
        for item in (Item.objects.get(pk=each.item_id) for each in (one, other))
    ]
    assert rows[0] == rows[1]
    assert rows[1][-1]
    assert (other.result_id is not None) is answered


def test_one_bad_call_of_a_group_leaves_nothing_of_the_others(project: Project) -> None:
    bad = SyncCall(**{**vars(call(project, 2)), "kind": None})
    with pytest.raises(DatabaseError):
        record_many([call(project, 1), bad, call(project, 3)])
    assert counts() == [0] * 6

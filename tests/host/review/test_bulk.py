"""One verb about everything that matches a filter: said once each, whatever dies; taken back."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from loupe.accounts.errors import Denied
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.jobs.filters import Filters
from loupe.jobs.models import Result
from loupe.review import bulk, bulk_work, services, wakeups
from loupe.review.errors import (
    BulkEnded,
    BulkUnderWay,
    NeedsSignature,
    NotAPerson,
    NothingMatches,
    UnknownVerb,
)
from loupe.review.models import BulkReview, BulkState, Review
from loupe.testing import factories

APP = "dummy_app"
MANY = 60


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_work, "STEP", 7)


@pytest.fixture
def project(db: None) -> Project:
    made = factories.project("line-1", "Line 1")
    results = [
        factories.Made(name=f"part-{n}.json", data={"value": n / 2, "scaled": float(n)})
        for n in range(MANY)
    ]
    factories.job(made, APP, results, name="Lot 7", user=factories.person("a", made, Role.ADMIN))
    return made


@pytest.fixture
def reviewer(project: Project) -> Actor:
    return Actor(user=factories.person("reviewer", project, Role.REVIEWER))


def ids(project: Project, **wanted: object) -> list[int]:
    rows = Result.objects.filter(project=project, **wanted)
    return list(rows.order_by("-pk").values_list("pk", flat=True))


def started(project: Project, actor: Actor, **filters: Any) -> BulkReview:
    return bulk.start(
        actor, project, APP, "agree", Filters(**filters), newest_id=ids(project)[0], note="Lot 7"
    )


def finished(call: BulkReview) -> BulkReview:
    bulk_work.work(call.pk, 60)
    call.refresh_from_db()
    return call


def test_every_match_on_every_page_is_said_once_and_nothing_else(
    project: Project, reviewer: Actor
) -> None:
    outcomes = {row.pk: row.outcome for row in Result.objects.filter(project=project)}
    wanted = max(set(outcomes.values()), key=list(outcomes.values()).count)
    matching = {pk for pk, outcome in outcomes.items() if outcome == wanted}
    call = finished(started(project, reviewer, outcome=wanted))
    assert (call.state, call.given, call.total) == (BulkState.DONE, len(matching), len(matching))
    said = list(Review.objects.values_list("result_id", flat=True))
    assert sorted(said) == sorted(matching)
    assert set(ids(project, reviewed=True)) == matching
    assert set(Review.objects.values_list("note", "bulk")) == {("Lot 7", call.pk)}


def test_a_filter_that_its_own_verb_empties_is_gone_through_to_the_end(
    project: Project, reviewer: Actor
) -> None:
    call = finished(started(project, reviewer, reviewed=False))
    assert call.given == MANY
    assert not ids(project, reviewed=False)


def test_results_that_came_after_the_choice_are_not_part_of_it(
    project: Project, reviewer: Actor
) -> None:
    newest = ids(project)[0]
    late = factories.job(
        project, APP, [factories.Made(name="late", data={"value": 1, "scaled": 2})]
    )
    call = bulk.start(reviewer, project, APP, "agree", Filters(), newest_id=newest)
    assert finished(call).given == MANY
    assert Result.objects.filter(job=late, reviewed=False).count() == 1


def test_what_somebody_says_meanwhile_stands(project: Project, reviewer: Actor) -> None:
    call = started(project, reviewer)
    other = Actor(user=factories.person("other", project, Role.ENGINEER))
    theirs = Result.objects.select_related("project").get(pk=ids(project)[30])
    services.give(other, theirs, "agree")
    call = finished(call)
    assert (call.given, call.refused) == (MANY - 1, {"review_conflict": 1})
    last = Review.objects.get(result=theirs)
    assert last.user == other.user


def test_what_was_reviewed_before_the_call_is_reviewed_again(
    project: Project, reviewer: Actor
) -> None:
    result = Result.objects.select_related("project").get(pk=ids(project)[5])
    services.give(Actor(user=factories.person("o", project, Role.ENGINEER)), result, "agree")
    assert finished(started(project, reviewer)).given == MANY
    assert Review.objects.filter(result=result).count() == 2


def test_a_worker_killed_between_two_steps_is_gone_on_for_and_nothing_is_said_twice(
    project: Project, reviewer: Actor
) -> None:
    call = started(project, reviewer)
    assert bulk_work.work(call.pk, 0) is True  # one step, then as if it had died
    call.refresh_from_db()
    assert 0 < call.given < MANY
    assert finished(call).given == MANY
    assert finished(call).given == MANY  # a message that comes twice
    assert Review.objects.values("result").distinct().count() == Review.objects.count() == MANY


def test_a_call_nobody_moves_is_woken_again(
    project: Project, reviewer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []

    def send(pk: object) -> bool:
        sent.append(pk)
        return True

    monkeypatch.setattr(wakeups, "send", send)
    call = started(project, reviewer)
    assert bulk_work.recover() == 0
    BulkReview.objects.update(moved_at=timezone.now() - timedelta(seconds=60))
    assert bulk_work.recover() == 1
    assert sent == [call.pk]
    finished(call)
    BulkReview.objects.update(moved_at=timezone.now() - timedelta(seconds=60))
    assert bulk_work.recover() == 0


def test_undo_takes_back_all_of_it_but_what_somebody_said_since(
    project: Project, reviewer: Actor
) -> None:
    before = dict(Result.objects.values_list("pk", "outcome"))
    call = finished(started(project, reviewer))
    other = Actor(user=factories.person("other", project, Role.ENGINEER))
    theirs = Result.objects.select_related("project").get(pk=ids(project)[3])
    services.give(other, theirs, "agree")
    call = finished(bulk.undo(reviewer, call))
    assert (call.state, call.taken_back, call.kept) == (BulkState.UNDONE, MANY - 1, 1)
    assert ids(project, reviewed=True) == [theirs.pk]
    assert dict(Result.objects.values_list("pk", "outcome")) == before
    with pytest.raises(BulkEnded):
        bulk.undo(reviewer, call)


def test_cancel_leaves_the_rest_alone_and_undo_takes_back_the_part(
    project: Project, reviewer: Actor
) -> None:
    call = started(project, reviewer)
    bulk_work.work(call.pk, 0)
    bulk.cancel(reviewer, call)
    call = finished(call)
    assert call.state == BulkState.CANCELLED
    assert len(ids(project, reviewed=True)) == call.given < MANY
    assert finished(bulk.undo(reviewer, call)).taken_back == call.given
    assert not ids(project, reviewed=True)
    with pytest.raises(BulkEnded, match="nothing to cancel"):
        bulk.cancel(reviewer, call)


def test_who_loses_the_role_meanwhile_says_nothing_more(project: Project, reviewer: Actor) -> None:
    call = started(project, reviewer)
    bulk_work.work(call.pk, 0)
    Membership.objects.filter(user=reviewer.user).update(role=Role.VIEWER)
    call = finished(call)
    assert (call.state, call.error_code) == (BulkState.STOPPED, "role_missing")
    assert 0 < Review.objects.count() < MANY


def test_every_step_of_a_call_is_in_the_audit_log(project: Project, reviewer: Actor) -> None:
    call = finished(started(project, reviewer))
    finished(bulk.undo(reviewer, call))
    told = Event.objects.filter(subject=f"bulk-review:{call.pk}").order_by("pk")
    assert [event.action for event in told] == [
        "review.bulk_started",
        "review.bulk_ended",
        "review.bulk_undo_started",
        "review.bulk_undone",
    ]
    assert [event.details["given"] for event in told] == [0, MANY, MANY, MANY]
    assert told[3].details["taken_back"] == MANY
    assert {event.actor for event in told} == {reviewer.label}
    assert Event.objects.filter(action="review.given").count() == 2 * MANY


def test_what_cannot_be_said_about_many_is_refused_before_anything_is_written(
    project: Project, reviewer: Actor
) -> None:
    newest = ids(project)[0]

    def start(actor: Actor, verb: str = "agree", **filters: Any) -> None:
        bulk.start(actor, project, APP, verb, Filters(**filters), newest_id=newest)

    with pytest.raises(UnknownVerb, match="choose one of"):
        start(reviewer, "explode")
    signatures = [key for key, verb in services.verbs(APP).items() if verb.signature]
    for verb in signatures:
        with pytest.raises(NeedsSignature, match="one result at a time"):
            start(reviewer, verb)
    with pytest.raises(NothingMatches):
        start(reviewer, name_contains="no such file")
    with pytest.raises(Denied):
        start(Actor(user=factories.person("looks", project, Role.VIEWER)))
    start(reviewer)
    with pytest.raises(BulkUnderWay):
        start(reviewer)
    call = BulkReview.objects.get()
    bulk.cancel(reviewer, call)
    with pytest.raises(NotAPerson, match="who made it"):
        bulk.undo(Actor(user=factories.person("other", project, Role.ADMIN)), call)
    assert not Review.objects.exists()

"""What people say is added, counts at once, and can be taken back."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import ApiKey, Project, Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.audit.models import Event
from loupe.changes.models import Change
from loupe.jobs.models import Result
from loupe.review.errors import Conflict, NotAPerson, NothingToUndo, UnknownVerb
from loupe.review.models import Review
from loupe.review.services import give, give_many, history, last_review_id, undo
from tests.host.review.conftest import MakePerson, MakeResult


def state(result: Result) -> tuple[str, bool]:
    result.refresh_from_db()
    return result.outcome, result.reviewed


def test_a_review_changes_the_outcome_and_leaves_the_decision(anna: Actor, result: Result) -> None:
    review = give(anna, result, "lower", note="reflection")
    assert state(result) == ("low", True)
    assert result.decision.outcome == "high"
    assert (review.verb, review.outcome, review.note) == ("lower", "low", "reflection")


def test_a_verb_without_an_outcome_keeps_the_machines(anna: Actor, result: Result) -> None:
    give(anna, result, "lower")
    give(anna, result, "agree")
    assert state(result) == ("high", True)


def test_undo_restores_what_held_before_step_by_step(anna: Actor, result: Result) -> None:
    give(anna, result, "lower")
    give(anna, result, "agree")
    undo(anna, result)
    assert state(result) == ("low", True)
    undo(anna, result, note="as the machine said")
    assert state(result) == ("high", False)
    with pytest.raises(NothingToUndo, match="machine's decision stands"):
        undo(anna, result)
    give(anna, result, "lower")
    assert state(result) == ("low", True)
    verbs = [review.verb for review in history(anna, result)]
    assert verbs == ["lower", "agree", "undo", "undo", "lower"]


def test_reviews_are_in_the_audit_log_and_the_feed(anna: Actor, result: Result) -> None:
    review = give(anna, result, "lower")
    event, change = Event.objects.get(), Change.objects.get()
    assert (event.action, event.actor, event.subject) == (
        "review.given",
        "user:anna",
        f"result:{result.pk}",
    )
    told = {"review": review.pk, "verb": "lower", "outcome": "low", "machine": "high"}
    assert event.details == told
    assert (change.kind, change.subject) == ("result.reviewed", str(result.pk))
    assert change.data == told | {"app": "dummy_app"}


def test_a_review_after_somebody_elses_is_a_conflict_that_names_them(
    anna: Actor, make_person: MakePerson, result: Result
) -> None:
    seen = last_review_id(result)
    first = give(make_person("bert"), result, "lower", expected_last_review_id=seen)
    with pytest.raises(Conflict, match=r"Bert said 'lower' .* Nothing of yours was stored"):
        give(anna, result, "agree", expected_last_review_id=seen)
    with pytest.raises(Conflict):
        undo(anna, result, expected_last_review_id=seen)
    assert Review.objects.count() == 1
    give(anna, result, "agree", expected_last_review_id=first.pk)
    assert last_review_id(result) > first.pk


@pytest.mark.django_db(transaction=True)
def test_of_two_reviewers_at_the_same_moment_one_wins(
    make_person: MakePerson, result: Result
) -> None:
    people = [make_person(name) for name in ("anna", "bert", "cleo", "dora")]
    start = threading.Barrier(len(people))
    outcomes: list[str] = []

    def decide(person: Actor) -> None:
        start.wait()
        try:
            give(person, result, "lower", expected_last_review_id=0)
            outcomes.append("stored")
        except Conflict:
            outcomes.append("conflict")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict", "conflict", "conflict", "stored"]
    assert Review.objects.count() == Event.objects.count() == Change.objects.count() == 1


def test_a_bulk_review_stores_what_it_can_and_names_the_rest(
    anna: Actor, make_person: MakePerson, make_result: MakeResult
) -> None:
    results = [make_result() for _ in range(4)]
    give(make_person("bert"), results[1], "agree")
    expected = {result.pk: 0 for result in results}
    given, refused = give_many(anna, results, "lower", expected_last_review_ids=expected)
    assert [review.result_id for review in given] == [results[n].pk for n in (0, 2, 3)]
    assert [(one.result_id, one.code) for one in refused] == [(results[1].pk, "review_conflict")]
    assert "Bert" in refused[0].message
    assert [state(result)[0] for result in results] == ["low", "high", "low", "low"]
    assert Change.objects.count() == 4


def test_nobody_below_reviewer_reviews(make_person: MakePerson, result: Result) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        with pytest.raises(Denied):
            give(make_person(role.value, role), result, "agree")
    assert not Review.objects.exists()


def test_results_of_another_project_do_not_exist(
    anna: Actor, make_result: MakeResult, result: Result
) -> None:
    theirs = make_result(Project.objects.create(slug="line-4", name="Line 4"))
    with pytest.raises(NotVisible):
        give(anna, theirs, "agree")
    with pytest.raises(NotVisible):
        give_many(anna, [result, theirs], "agree")
    with pytest.raises(NotVisible):
        history(anna, theirs)
    assert not Review.objects.exists()


def test_keys_and_the_system_give_no_reviews(project: Project, result: Result) -> None:
    key = Actor(key=ApiKey(project=project, scopes=["view", "submit"], prefix="x"))
    for actor in (key, SYSTEM):
        with pytest.raises(NotAPerson):
            give(actor, result, "agree")


def test_a_verb_the_app_does_not_offer_is_refused(anna: Actor, result: Result) -> None:
    for verb in ("explode", "undo", ""):
        with pytest.raises(UnknownVerb, match="agree, lower, sign"):
            give(anna, result, verb)


def test_the_database_refuses_to_change_a_review(anna: Actor, result: Result) -> None:
    review = give(anna, result, "lower")
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        Review.objects.filter(pk=review.pk).update(outcome="high")
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        review.delete()

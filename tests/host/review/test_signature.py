"""A signature asks for the password, binds what was seen, and ends the matter."""

from collections.abc import Callable

import pytest
from axes.models import AccessAttempt

from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.jobs.models import Result
from loupe.review.errors import PasswordRefused, Signed
from loupe.review.models import Review
from loupe.review.services import give, give_many, undo
from loupe.review.signature import content_sha256, holds
from tests.host.review.conftest import PASSWORD, MakePerson, MakeResult


def test_a_signature_keeps_name_time_and_hash(anna: Actor, result: Result) -> None:
    review = give(anna, result, "sign", password=PASSWORD, note="seen")
    stored = Review.objects.get(pk=review.pk)
    assert stored.signed_name == "Anna"
    assert stored.content_sha256 == content_sha256(Result.objects.get(pk=result.pk), stored)
    assert holds(stored)
    event = Event.objects.get()
    assert event.action == "review.signed"
    assert event.details["content_sha256"] == stored.content_sha256


@pytest.mark.parametrize(
    ("password", "code"),
    [(None, "password_missing"), ("", "password_missing"), ("wrong", "password_refused")],
)
def test_without_the_right_password_nothing_is_signed(
    password: str | None, code: str, anna: Actor, result: Result
) -> None:
    with pytest.raises(PasswordRefused) as caught:
        give(anna, result, "sign", password=password)
    assert caught.value.code == code
    assert not Review.objects.exists()


def test_somebody_elses_password_signs_nothing(
    anna: Actor, make_person: MakePerson, result: Result
) -> None:
    bert = make_person("bert").user
    assert bert is not None
    bert.set_password("quite-another-one")
    bert.save()
    with pytest.raises(PasswordRefused):
        give(anna, result, "sign", password="quite-another-one")


def test_wrong_passwords_count_towards_the_lockout(anna: Actor, result: Result) -> None:
    for _ in range(10):
        with pytest.raises(PasswordRefused):
            give(anna, result, "sign", password="wrong")
    assert AccessAttempt.objects.get().failures_since_start == 10
    with pytest.raises(PasswordRefused):
        give(anna, result, "sign", password=PASSWORD)
    assert not Review.objects.exists()


def test_nothing_about_a_signed_result_changes(
    anna: Actor, make_person: MakePerson, result: Result
) -> None:
    give(anna, result, "lower")
    give(anna, result, "sign", password=PASSWORD)
    bert = make_person("bert")
    attempts: list[Callable[[], Review]] = [
        lambda: give(bert, result, "lower"),
        lambda: give(anna, result, "sign", password=PASSWORD),
        lambda: undo(anna, result),
    ]
    for attempt in attempts:
        with pytest.raises(Signed, match="Anna signed this result at"):
            attempt()
    _, refused = give_many(bert, [result], "lower")
    assert [one.code for one in refused] == ["result_signed"]
    assert Review.objects.count() == 2


@pytest.mark.parametrize(
    "change", [{"data": {"value": 1.0}}, {"app": "other"}], ids=["data", "app"]
)
def test_a_result_changed_behind_a_signature_is_noticed(
    change: dict[str, object], anna: Actor, result: Result
) -> None:
    review = give(anna, result, "sign", password=PASSWORD)
    Result.objects.filter(pk=result.pk).update(**change)
    assert not holds(Review.objects.get(pk=review.pk))


def test_an_unsigned_review_holds_no_signature(anna: Actor, result: Result) -> None:
    assert not holds(give(anna, result, "agree"))


def test_several_results_are_signed_with_one_password(anna: Actor, make_result: MakeResult) -> None:
    results = [make_result() for _ in range(3)]
    given, refused = give_many(anna, results, "sign", password=PASSWORD)
    assert (len(given), refused) == (3, [])
    assert len({review.content_sha256 for review in given}) == 3

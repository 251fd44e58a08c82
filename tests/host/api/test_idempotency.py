"""A key's answer and what it is the answer of are one: both are there, or neither."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from loupe.api import idempotency
from loupe.api.models import IdempotencyKey
from loupe.intake.models import Submission
from loupe.jobs.models import Job
from loupe.schedules.models import Schedule
from tests.host.api.conftest import World
from tests.host.api.files import left

SCHEDULE = {"app": "dummy_app", "task": "nightly", "name": "twice", "cron": "0 3 * * *"}


class Died(BaseException):
    """The process ended here."""


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The process ends while it keeps the answer, and so cannot free the key either."""

    def die(*_: object) -> bool:
        raise Died

    monkeypatch.setattr(idempotency, "complete", die)
    monkeypatch.setattr(idempotency, "release", lambda *_: None)
    return monkeypatch


def post(client: Client, raw: str, path: str, **more: Any) -> Any:
    return client.post(
        path, HTTP_AUTHORIZATION=f"Api-Key {raw}", HTTP_IDEMPOTENCY_KEY="once", **more
    )


def send(client: Client, raw: str) -> Any:
    form = {"file": SimpleUploadedFile("part.json", b'{"value": 3}')}
    return post(client, raw, "/api/v1/submissions?app=dummy_app", data=form)


def schedule(client: Client, raw: str) -> Any:
    return post(client, raw, "/api/v1/schedules", data=SCHEDULE, content_type="application/json")


def ten_minutes_later() -> None:
    long_ago = timezone.now() - idempotency.STALE - timedelta(seconds=1)
    IdempotencyKey.objects.update(created_at=long_ago)


@pytest.mark.parametrize(("call", "rows"), [(send, Job), (schedule, Schedule)])
@pytest.mark.django_db(transaction=True)
def test_a_request_whose_process_died_is_done_once_when_it_is_sent_again(
    client: Client, world: World, dying: pytest.MonkeyPatch, call: Any, rows: Any
) -> None:
    raw, before = world.key(), rows.objects.count()
    with pytest.raises(Died):
        call(client, raw)
    assert rows.objects.count() == before
    dying.undo()
    assert call(client, raw).json()["code"] == "idempotency_in_flight"
    ten_minutes_later()
    first, again = call(client, raw), call(client, raw)
    assert first.status_code in {201, 202}
    assert (again.json(), again["Idempotency-Replayed"]) == (first.json(), "true")
    assert rows.objects.count() == before + 1


@pytest.mark.django_db(transaction=True)
def test_a_request_that_was_overtaken_under_its_key_does_nothing(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, before = world.key(), Job.objects.count()
    kept = Submission.save

    def overtaken(self: Submission, *args: Any, **kwargs: Any) -> None:
        # While the first receives its files, ten minutes pass and the second finishes.
        monkeypatch.setattr(Submission, "save", kept)
        ten_minutes_later()
        assert send(client, raw).status_code == 202
        kept(self, *args, **kwargs)

    monkeypatch.setattr(Submission, "save", overtaken)
    late = send(client, raw)
    assert (late.status_code, late.json()["code"]) == (409, "idempotency_in_flight")
    assert Job.objects.count() == before + 1
    answer = send(client, raw)
    assert uuid.UUID(answer.json()["id"]) in set(Job.objects.values_list("pk", flat=True))
    assert answer["Idempotency-Replayed"] == "true"


@pytest.mark.django_db
def test_bodies_of_repeated_requests_leave_nothing_in_the_spool(
    client: Client, world: World
) -> None:
    raw, path = world.key(), "/api/v1/submissions?app=dummy_app"
    before = left()
    answers = [
        post(client, raw, path, data=b'{"value": 3}', content_type="application/octet-stream")
        for _ in range(3)
    ]
    other = post(client, raw, path, data=b"{}", content_type="application/octet-stream")
    assert [answer.status_code for answer in (*answers, other)] == [202, 202, 202, 409]
    assert left() == before

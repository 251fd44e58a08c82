"""Promises of quick inserts: what `bulk_create` stores, in order, with keys, on every database."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loupe.accounts.models import Project
from loupe.blobs.models import Blob
from loupe.bulk import MOST_PARAMETERS, insert, prepare
from loupe.changes.models import Change
from loupe.intake.models import Channel, Input, Submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="line", name="Line")


def submissions(project: Project, count: int) -> list[Submission]:
    """Unsaved rows with keys of their own."""
    return [
        Submission(project=project, app="dummy_app", channel=Channel.REST, name=f"{n} 图 \" ' %s")
        for n in range(count)
    ]


def test_rows_are_stored_as_bulk_create_stores_them(project: Project) -> None:
    quick = insert(submissions(project, 3))
    usual = Submission.objects.bulk_create(submissions(project, 3))
    for one, other in zip(quick, usual, strict=True):
        stored = Submission.objects.get(pk=one.pk)
        assert stored.created_at is not None
        expected = model_to_dict(Submission.objects.get(pk=other.pk), exclude=["id"])
        assert model_to_dict(stored, exclude=["id"]) == expected


def test_rows_get_their_keys_in_the_order_given(project: Project) -> None:
    submission = insert(submissions(project, 1))[0]
    count = MOST_PARAMETERS // 6 + 10  # two statements
    rows = insert(Input(submission=submission, name=f"{n:06d}.png") for n in range(count))
    names = dict(Input.objects.values_list("pk", "name"))
    assert [names[row.pk] for row in rows] == [f"{n:06d}.png" for n in range(count)]
    assert not rows[0]._state.adding


def test_json_survives(project: Project) -> None:
    data = {"outcome": "middle", "zh": "中", "list": [1, 2.5, None, {"a": True}]}
    row = insert(
        [Change(project=project, at=timezone.now(), kind="job.done", subject="x", data=data)]
    )[0]
    assert Change.objects.get(pk=row.pk).data == data


def test_no_rows_ask_nothing_of_the_database() -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the database was asked")

    with connection.execute_wrapper(refuse):
        assert insert([]) == []


def test_a_key_that_is_there_renews_what_was_named_and_nothing_else() -> None:
    def blob(media_type: str, minutes: int) -> Blob:
        at = datetime(2026, 1, 1, 0, minutes, tzinfo=UTC)
        return Blob(sha256="a" * 64, size=5, media_type=media_type, last_stored_at=at)

    insert([blob("image/png", 1)])
    insert([blob("image/jpeg", 2)], renewing=("last_stored_at",))
    (stored,) = Blob.objects.all()
    assert stored.media_type == "image/png"
    assert stored.last_stored_at.minute == 2


def test_prepared_rows_are_stored_as_they_were_but_for_what_may_be_late(project: Project) -> None:
    rows = submissions(project, 2)
    for row in rows:
        prepare(row, late=("fallback",))
        row.name, row.fallback = "changed", "fail_open"
    insert([*rows, *submissions(project, 1)])
    for row in rows:
        stored = Submission.objects.get(pk=row.pk)
        assert stored.name.endswith("%s")
        assert stored.fallback == "fail_open"
        assert stored.created_at is not None


def test_a_row_whose_insert_failed_is_prepared_anew(project: Project) -> None:
    (row,) = submissions(project, 1)
    prepare(row)
    with pytest.raises(IntegrityError), transaction.atomic():
        insert([row, row])
    row.name = "second try"
    insert([row])
    assert Submission.objects.get().name == "second try"


def test_a_broken_rule_stores_nothing(project: Project) -> None:
    submission = insert(submissions(project, 1))[0]
    twice = [Input(submission=submission, name="same"), Input(submission=submission, name="same")]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(twice)
    assert not Input.objects.exists()


def test_who_counts_queries_sees_every_statement(project: Project) -> None:
    with CaptureQueriesContext(connection) as seen:
        insert(submissions(project, 2))
    assert len(seen) == 1
    assert seen[0]["sql"].startswith("INSERT INTO")


def test_nothing_is_inserted_in_a_transaction_that_is_broken_already(project: Project) -> None:
    with transaction.atomic():
        connection.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            insert(submissions(project, 1))
    assert not Submission.objects.exists()

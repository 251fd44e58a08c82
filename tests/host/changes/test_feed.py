"""The changes feed tells what happened, in an order in which nothing is missed."""

import threading

import pytest
from django.db import connection, transaction

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.audit.services import record
from loupe.changes.kinds import Kind
from loupe.changes.models import Change
from loupe.changes.services import head, publish, publish_many, since

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="line-3", name="Line 3")


def test_lines_come_back_after_the_cursor_oldest_first(project: Project) -> None:
    first = publish(project, Kind.JOB_QUEUED, "a", {"items": 3})
    second = publish(project, "job.done", "a")
    assert [one.pk for one in since(project)] == [first.pk, second.pk]
    assert [one.pk for one in since(project, first.pk)] == [second.pk]
    assert since(project)[0].data == {"items": 3}
    assert head(project) == second.pk


def test_the_feed_is_cut_by_kind_and_limit(project: Project) -> None:
    publish_many(project, [(Kind.RESULT_DECIDED, number, {}) for number in range(5)])
    publish(project, Kind.JOB_DONE, "a")
    assert [one.kind for one in since(project, kinds=["job.done"])] == ["job.done"]
    assert [one.subject for one in since(project, limit=2)] == ["0", "1"]


def test_other_projects_lines_are_not_told(project: Project) -> None:
    other = Project.objects.create(slug="line-4", name="Line 4")
    publish(other, Kind.JOB_DONE, "a")
    assert not since(project).exists()
    assert head(project) == 0


def test_an_unknown_kind_is_refused(project: Project) -> None:
    with pytest.raises(ValueError, match=r"job\.exploded"):
        publish(project, "job.exploded", "a")


def test_a_line_disappears_with_its_transaction(project: Project) -> None:
    with transaction.atomic():
        publish(project, Kind.JOB_DONE, "a")
        transaction.set_rollback(True)
    assert not Change.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_reader_among_many_writers_misses_no_line() -> None:
    """On PostgreSQL plain sequence numbers fail this: a smaller one can commit after a larger."""
    project = Project.objects.create(slug="line-3", name="Line 3")
    writers, lines = 6, 25
    start = threading.Barrier(writers + 1)
    seen: list[int] = []
    writing = threading.Event()
    writing.set()

    def write(writer: int) -> None:
        start.wait()
        for number in range(lines):
            with transaction.atomic():
                publish(project, Kind.RESULT_DECIDED, f"{writer}.{number}")
                if number % 3 == 0:
                    record(SYSTEM, project, "test.written", "row:1")
        connection.close()

    def read() -> None:
        start.wait()
        cursor = 0
        more = True
        while more:
            more = writing.is_set()
            for change in since(project, cursor, limit=1000):
                cursor = change.pk
                seen.append(change.pk)
        connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    reader = threading.Thread(target=read)
    for thread in [*threads, reader]:
        thread.start()
    for thread in threads:
        thread.join()
    writing.clear()
    reader.join()
    assert seen == sorted(seen)
    assert len(seen) == writers * lines == Change.objects.count()

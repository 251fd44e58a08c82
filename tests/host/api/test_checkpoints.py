"""Promises of when SQLite's log goes into the database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, connection

from loupe.accounts.models import Project
from loupe.api.sync.checkpoints import EVERY, Checkpoints

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has checkpoints"),
]


@pytest.fixture
def _as_before() -> Iterator[None]:
    """Other tests get the connection as it was."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_autocheckpoint = 1000")


def database() -> bytes:
    """The database's file without its log."""
    return Path(connection.settings_dict["NAME"]).read_bytes()


def write(count: int) -> None:
    """Make the log longer."""
    for number in range(count):
        Project.objects.create(slug=f"line-{number}", name="x" * 100)


@pytest.mark.usefixtures("_as_before")
def test_the_log_is_moved_behind_every_sixteenth_call_and_in_no_commit() -> None:
    checkpoints = Checkpoints()
    checkpoints.after(1)
    before = database()
    write(300)  # far more than a thousand pages of log
    checkpoints.after(EVERY - 2)
    assert database() == before
    checkpoints.after(1)
    assert database() != before


@pytest.mark.usefixtures("_as_before")
def test_a_log_that_cannot_be_moved_is_left_for_the_next_call() -> None:
    def broken(*_: object) -> None:
        raise DatabaseError("disk I/O error")

    checkpoints = Checkpoints()
    with connection.execute_wrapper(broken):
        checkpoints.after(EVERY)
    before = database()
    write(1)
    checkpoints.after(EVERY)
    assert database() != before

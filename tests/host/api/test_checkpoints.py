"""Promises of when SQLite's log goes into the database."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, connection

from loupe.accounts.models import Project
from loupe.api.sync import checkpoints as subject
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


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds before so long has passed."""
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    return holds()


@pytest.mark.usefixtures("_as_before")
def test_the_log_is_moved_beside_every_sixteenth_call_and_in_no_commit() -> None:
    checkpoints = Checkpoints()
    connection.ensure_connection()
    checkpoints.after(1)
    before = database()
    write(300)  # far more than a thousand pages of log
    checkpoints.after(EVERY - 2)
    assert database() == before
    checkpoints.after(1)
    assert within(120, lambda: database() != before)


@pytest.mark.usefixtures("_as_before")
def test_a_long_log_begins_anew_though_calls_wrote_while_it_was_moved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subject, "LONG", 200)
    checkpoints = Checkpoints()
    connection.ensure_connection()
    checkpoints.after(1)
    write(100)
    checkpoints.after(EVERY)
    Project.objects.create(slug="meanwhile", name="x")  # behind what is being moved, or before
    assert within(120, lambda: bool(checkpoints._moving and checkpoints._moving.done()))
    log = Path(f"{connection.settings_dict['NAME']}-wal")
    size = log.stat().st_size
    checkpoints.after(1)
    Project.objects.create(slug="after", name="x")
    assert b"meanwhile" in database()  # nothing of the log is left to be moved
    assert log.stat().st_size == size  # written from its beginning on


@pytest.mark.usefixtures("_as_before")
def test_a_log_that_cannot_be_moved_is_left_for_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise DatabaseError("disk I/O error")

    checkpoints = Checkpoints()
    connection.ensure_connection()
    with connection.execute_wrapper(broken):
        checkpoints.after(EVERY - 1)
    before = database()
    write(1)
    with monkeypatch.context() as patch:
        patch.setattr(subject, "_MOVE", "no statement")
        checkpoints.after(1)
        assert within(120, lambda: bool(checkpoints._moving and checkpoints._moving.done()))
    assert database() == before
    checkpoints.after(EVERY)
    assert within(120, lambda: database() != before)

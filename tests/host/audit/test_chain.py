"""The audit log is one chain that nobody can change unseen."""

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.audit import canonical
from loupe.audit.chain import verify
from loupe.audit.models import Event
from loupe.audit.order import serialise
from loupe.audit.services import GENESIS, digest, of_project, record

pytestmark = pytest.mark.django_db


def write(count: int) -> list[Event]:
    return [record(SYSTEM, None, "test.written", f"row:{number}") for number in range(count)]


def lift_triggers() -> None:
    """What somebody with the database's own password could do."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER audit_event_no_update")
            cursor.execute("DROP TRIGGER audit_event_no_delete")
        else:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")


def test_each_event_carries_the_hash_of_the_one_before() -> None:
    first, second, third = write(3)
    assert first.previous_hash == GENESIS
    assert (second.previous_hash, third.previous_hash) == (first.hash, second.hash)
    assert verify().events == 3
    assert verify().head == third.hash


def test_an_event_is_found_again_as_it_was_written() -> None:
    details = {"whole": 3.0, "huge": 1e22, "small": 1.5e-7, "text": "裂纹", "list": [1, None, True]}
    event = record(SYSTEM, None, "test.written", "row:1", details)
    stored = Event.objects.get(pk=event.pk)
    assert digest(stored) == event.hash == stored.hash
    assert verify().broken_at is None


@pytest.mark.parametrize(
    "change",
    [
        lambda event: event.save(),
        lambda event: event.delete(),
        lambda event: Event.objects.update(actor="user:mallory"),
        lambda event: Event.objects.all().delete(),
    ],
    ids=["save", "delete", "update of many", "delete of many"],
)
def test_the_database_refuses_to_change_or_delete_an_event(
    change: Callable[[Event], object],
) -> None:
    event = write(1)[0]
    event.actor = "user:mallory"
    with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
        change(event)
    assert Event.objects.get().actor == "system"


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has no TRUNCATE")
def test_the_database_refuses_to_empty_the_log() -> None:
    with (
        pytest.raises(DatabaseError, match="never changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE audit_event")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actor", "user:mallory"),
        ("action", "test.other"),
        ("subject", "row:9"),
        ("details", {"x": 1}),
        ("at", datetime.fromisoformat("2026-01-01T00:00:00+00:00")),
    ],
)
def test_a_changed_event_is_found_even_if_the_triggers_were_lifted(
    field: str, value: object
) -> None:
    events = write(3)
    lift_triggers()
    Event.objects.filter(pk=events[1].pk).update(**{field: value})
    verdict = verify()
    assert verdict.broken_at == events[1].pk
    assert "was changed" in verdict.why
    assert verdict.events == 1


def test_a_missing_event_is_found() -> None:
    events = write(3)
    lift_triggers()
    Event.objects.filter(pk=events[1].pk).delete()
    assert verify().broken_at == events[2].pk


def test_events_cut_off_at_the_end_are_found_by_a_head_noted_earlier() -> None:
    events = write(3)
    lift_triggers()
    Event.objects.filter(pk=events[2].pk).delete()
    assert verify().broken_at is None
    assert "cut off" in verify(events[2].hash).why
    assert verify(events[1].hash).broken_at is None


def test_the_command_says_how_many_fit_and_fails_on_a_change(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    events = write(2)
    call_command("auditverify")
    assert f"2 events fit. Head {events[1].hash}" in capsys.readouterr().out
    lift_triggers()
    Event.objects.filter(pk=events[0].pk).update(actor="user:mallory")
    with pytest.raises(CommandError, match=f"Event {events[0].pk} was changed"):
        call_command("auditverify")


@pytest.mark.parametrize(
    ("action", "subject"), [("", "row:1"), ("a.b", ""), ("a" * 61, "row:1"), ("a.b", "r" * 201)]
)
def test_an_event_without_a_proper_name_is_refused(action: str, subject: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        record(SYSTEM, None, action, subject)


def test_a_nul_byte_does_not_break_the_log() -> None:
    event = record(SYSTEM, None, "a.b", "row:1", {"file": "a\x00b", "c\x00": [1]})
    assert Event.objects.get(pk=event.pk).details == {"file": "a\ufffdb", "c\ufffd": [1]}
    assert verify().broken_at is None


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        record(SYSTEM, None, "a.b", "row:1", {"x": float("nan")})
    assert not Event.objects.exists()


def test_an_event_is_undone_with_its_transaction() -> None:
    with transaction.atomic():
        record(SYSTEM, None, "test.written", "row:1")
        transaction.set_rollback(True)
    write(1)
    assert verify().events == 1


def test_a_projects_events_are_listed_newest_first() -> None:
    ours = Project.objects.create(slug="ours", name="Ours")
    theirs = Project.objects.create(slug="theirs", name="Theirs")
    for project in (ours, theirs, ours, None):
        record(SYSTEM, project, "test.written", "row:1")
    listed = list(of_project(ours))
    assert len(listed) == 2
    assert listed[0].pk > listed[1].pk


@pytest.mark.django_db(transaction=True)
def test_many_writers_at_once_make_one_unbroken_chain() -> None:
    start = threading.Barrier(6)

    def run(writer: int) -> None:
        start.wait()
        for number in range(15):
            record(SYSTEM, None, "test.written", f"writer {writer}:{number}")
        connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = verify()
    assert (verdict.events, verdict.broken_at) == (90, None)


@pytest.mark.django_db(transaction=True)
def test_order_is_kept_inside_a_transaction_only() -> None:
    with pytest.raises(RuntimeError, match="inside transaction"):
        serialise()


def test_equal_values_have_one_canonical_spelling() -> None:
    left = {"b": 1.0, "a": [UUID(int=1), "é"]}
    right = {"a": [str(UUID(int=1)), "é"], "b": 1}
    assert canonical.spell(left) == '{"a":["00000000-0000-0000-0000-000000000001","é"],"b":1}'
    assert canonical.sha256(left) == canonical.sha256(right)
    assert canonical.sha256({"a": 1}) != canonical.sha256({"a": True})

"""What Loupe needs to work, each looked at by name with the time it took.

Answers name a state and a sentence; addresses, passwords and other settings never appear.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError

from loupe.blobs import room
from loupe.blobs.backend import backend
from loupe.contract.runtime.errors import LoupeError
from loupe.engine.client import EngineClient

BROKER_TIMEOUT_S = 2.0


class NotReady(LoupeError):
    """Something Loupe needs is missing; the message is safe to show to anybody."""

    code = "not_ready"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How one thing is."""

    name: str
    ok: bool
    ms: float
    message: str


def database() -> None:
    """The database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError as error:
        raise NotReady("The database does not answer; see DATABASE_URL and its log.") from error


def migrations() -> None:
    """The database has every table this version needs."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise NotReady("The database does not answer; see DATABASE_URL and its log.") from error
    if missing:
        raise NotReady(f"{len(missing)} migrations are not applied: run `manage.py migrate`.")


def broker() -> None:
    """The broker takes connections."""
    try:
        with current_app.connection_for_write() as link:
            link.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_S)
    except (OperationalError, OSError) as error:
        raise NotReady("The broker does not answer; see BROKER_URL. Work waits.") from error


def engine() -> None:
    """The engine is warm."""
    if not EngineClient(settings.ENGINE_SOCKET).ready():
        raise NotReady("The engine does not answer yet; it loads its models or restarts.")


def storage() -> None:
    """Blobs can be written, and the disk has room for them."""
    try:
        probe = backend().new_file()
        with probe.open("wb") as file:
            file.write(b"ready")
            os.fsync(file.fileno())
        probe.unlink()
        room.require(probe.parent)
        backend().exists("readiness")
    except OSError as error:
        raise NotReady(
            "Storage cannot be written; see STORAGE_URL, its disk and its rights."
        ) from error
    except LoupeError as error:
        raise NotReady("Storage has no room or does not answer; see STORAGE_URL.") from error


CHECKS: tuple[Callable[[], None], ...] = (database, migrations, broker, engine, storage)


def ask(check: Callable[[], None]) -> Answer:
    """Carry out one check."""
    start = time.perf_counter()
    try:
        check()
        ok, message = True, "ok"
    except NotReady as error:
        ok, message = False, error.message
    return Answer(
        name=check.__name__,
        ok=ok,
        ms=round((time.perf_counter() - start) * 1e3, 1),
        message=message,
    )


def ask_all() -> list[Answer]:
    """Every check, one after the other."""
    return [ask(check) for check in CHECKS]

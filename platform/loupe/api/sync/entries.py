"""What a synchronous call leaves in the database, and the answer made of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from loupe.api.idempotency import complete
from loupe.blobs import services as blobs
from loupe.blobs import small
from loupe.blobs.small import Small
from loupe.blobs.writing import Written
from loupe.jobs.record import Recorded, SyncCall, record_within

JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer, apart from the server that sends it."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One call to be written down.

    Attributes:
        finish: turns the ids it was stored under into the answer.
        keep: what an idempotency key remembers of that answer, given it and the ids.
        files: what the call refers to and is not in storage yet; they are moved there, all of a
            group together, and are the writer's from now on. Small ones are stored by the
            transaction itself.
    """

    call: SyncCall
    finish: Callable[[Recorded], Answer]
    key: str | None = None
    keep: Callable[[Recorded, Answer], dict[str, Any]] = lambda _, answer: {
        "headers": answer.headers,
        "body": json.loads(answer.body),
    }
    files: Sequence[Written | Small] = ()


def commit(entries: Sequence[Entry]) -> list[Answer]:
    """Store all of `entries` in one transaction, and make their answers."""
    files = [file for entry in entries for file in entry.files if not isinstance(file, Small)]
    if files:
        blobs.place(files)
    with transaction.atomic():
        small.keep(file for entry in entries for file in entry.files if isinstance(file, Small))
        stored = record_within([entry.call for entry in entries])
        answers = [entry.finish(ids) for entry, ids in zip(entries, stored, strict=True)]
        for entry, ids, answer in zip(entries, stored, answers, strict=True):
            if entry.key is not None:
                complete(entry.call.project, entry.key, answer.status, entry.keep(ids, answer))
    return answers

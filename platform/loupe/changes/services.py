"""Writing and reading the changes feed.

Call `publish` last in the transaction that made the change: the feed then tells nothing that did
not happen, and misses nothing that did. A reader who has seen up to cursor N never misses a row:
numbers become visible in order (see `loupe.audit.order`).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from loupe.accounts.models import Project
from loupe.audit.canonical import normalise
from loupe.audit.order import serialise
from loupe.bulk import insert
from loupe.changes.kinds import Kind
from loupe.changes.models import Change


def publish(
    project: Project, kind: Kind | str, subject: object, data: Mapping[str, Any] | None = None
) -> Change:
    """Append one line: `kind` happened to the thing whose id is `subject`.

    Raises:
        ValueError: `kind` is not one of `Kind`, or `data` is not JSON.
    """
    return publish_many(project, [(kind, subject, data or {})])[0]


@transaction.atomic(savepoint=False)
def publish_many(
    project: Project, lines: Iterable[tuple[Kind | str, object, Mapping[str, Any]]]
) -> list[Change]:
    """Append several lines with one statement.

    Raises:
        ValueError: as `publish`.
    """
    now = timezone.now()
    changes = [
        Change(
            project=project,
            at=now,
            kind=Kind(kind).value,
            subject=str(subject),
            data=normalise(dict(data)),
        )
        for kind, subject, data in lines
    ]
    serialise()
    return insert(changes)


def since(
    project: Project, cursor: int = 0, *, kinds: Collection[str] = (), limit: int = 100
) -> "models.QuerySet[Change]":
    """The lines after `cursor`, oldest first, at most `limit`; the last one's id is the next
    cursor. Ask `loupe.accounts.policy` before."""
    rows = Change.objects.filter(project=project, pk__gt=cursor)
    if kinds:
        rows = rows.filter(kind__in=kinds)
    return rows.order_by("pk")[:limit]


def head(project: Project) -> int:
    """The newest cursor of a project; 0 when nothing happened yet."""
    return Change.objects.filter(project=project).aggregate(last=models.Max("pk"))["last"] or 0

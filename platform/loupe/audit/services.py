"""Writing and reading the audit log.

Call `record` last in the transaction of what it tells about: either both happened or neither.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from django.db import models, transaction
from django.utils import timezone

from loupe.audit import canonical
from loupe.audit.models import Event
from loupe.audit.order import serialise

GENESIS = "0" * 64


class Named(Protocol):
    """Who acts; `loupe.accounts.policy.Actor` is one."""

    @property
    def label(self) -> str: ...


class Chained(Protocol):
    """What the hash of an event covers."""

    project_id: Any
    at: Any
    actor: str
    action: str
    subject: str
    details: Any
    previous_hash: str


def digest(event: Chained) -> str:
    """The hash an event must carry: SHA-256 over its canonical JSON and the hash before it."""
    return canonical.sha256(
        {
            "project": str(event.project_id) if event.project_id else None,
            "at": event.at.isoformat(),
            "actor": event.actor,
            "action": event.action,
            "subject": event.subject,
            "details": event.details,
            "previous": event.previous_hash,
        }
    )


@transaction.atomic
def record(
    actor: Named,
    project: models.Model | None,
    action: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
) -> Event:
    """Append one event to the chain.

    Args:
        actor: who did it.
        project: the project it belongs to; None for what concerns the whole installation.
        action: noun.verb, at most 60 characters.
        subject: kind:id of what it happened to, at most 200 characters.
        details: what an auditor wants to know besides; JSON, no secrets.

    Raises:
        ValueError: an empty or too long `action` or `subject`, or `details` that are not JSON.
    """
    for name, text, longest in (("action", action, 60), ("subject", subject, 200)):
        if not 0 < len(text) <= longest:
            raise ValueError(f"{name} has {len(text)} characters: 1 to {longest} are allowed.")
    serialise()
    head = Event.objects.order_by("-id").values_list("hash", flat=True).first()
    event = Event(
        project_id=project.pk if project is not None else None,
        at=timezone.now(),
        actor=actor.label[:200],
        action=action,
        subject=subject,
        details=canonical.normalise(dict(details or {})),
        previous_hash=head or GENESIS,
    )
    event.hash = digest(event)
    event.save(force_insert=True)
    return event


def of_project(project: models.Model) -> "models.QuerySet[Event]":
    """A project's events, newest first. Who may see them: `loupe.accounts.history.events`."""
    return Event.objects.filter(project_id=project.pk).order_by("-id")

"""Telling the live service what people decided, until it has answered.

`tell` writes a row in the transaction of what it tells of and sends it once that is committed.
What could not be sent is sent again, oldest first, with the next thing to tell, by every block of
results and by the schedule ``tell-live``; the request's id makes repeating it safe.
"""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.fraud.models import Telling
from loupe.contract.runtime.errors import InputRefused, LoupeError
from loupe.contract.runtime.payload import Payload
from loupe.host import live
from loupe.host.people import Project

AT_ONCE = 200
SLUG = "fraud"


def tell(project: Project, kind: str, body: dict[str, Any]) -> Telling:
    """Write down what the service is to be told; call it inside the transaction it belongs to."""
    made = Telling.objects.create(project=project, kind=kind, body=body)
    transaction.on_commit(lambda: send(project.pk), robust=True)
    return made


def send(project_id: UUID) -> int:
    """Send what waits, oldest first; stops at the first that is not answered. Returns how many
    were taken on."""
    sent = 0
    waiting = Telling.objects.filter(project_id=project_id, answered_at=None)
    for telling in waiting.order_by("created_at", "pk")[:AT_ONCE]:
        try:
            live.apply(SLUG, telling.project_id, str(telling.pk), _request(telling))
        except InputRefused as error:
            # Sending it again cannot help: it stays, marked, and the others go on.
            Telling.objects.filter(pk=telling.pk).update(
                tries=telling.tries + 1,
                error=f"{error.message} ({error.code})"[:300],
                answered_at=timezone.now(),
            )
            continue
        except LoupeError as error:
            Telling.objects.filter(pk=telling.pk).update(
                tries=telling.tries + 1, error=f"{error.message} ({error.code})"[:300]
            )
            break
        Telling.objects.filter(pk=telling.pk).update(
            tries=telling.tries + 1, error="", answered_at=timezone.now()
        )
        sent += 1
    return sent


def tell_live(project_id: str, options: dict[str, Any]) -> str:
    """The schedule ``tell-live``: send what could not be sent."""
    sent = send(UUID(project_id))
    left = Telling.objects.filter(project_id=project_id, answered_at=None).count()
    return f"{sent} sent, {left} waiting"


def waiting(project: Project) -> int:
    """How many tellings the service has not answered."""
    return Telling.objects.filter(project=project, answered_at=None).count()


def _request(telling: Telling) -> Payload:
    return Payload(meta={"kind": telling.kind, **telling.body})

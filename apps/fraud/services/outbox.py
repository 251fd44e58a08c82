"""Telling the live service what people decided, until it has answered.

`tell` writes a row in the transaction of what it tells of and sends it once that is committed.
What could not be sent is sent again, oldest first, with the next thing to tell, by every block of
results and by the schedule ``tell-live``; the request's id makes repeating it safe.

What the service refuses for good is set aside with its reason and holds nobody up: of labels those
that it names, of anything else the whole. `set_aside` lists it for the pages, and the audit log has
an event of each.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.fraud.models import Telling
from loupe.contract.runtime.errors import InputRefused, LoupeError
from loupe.contract.runtime.payload import Payload
from loupe.host import live
from loupe.host.people import SYSTEM, Action, Actor, Project, record_audit, require

AT_ONCE = 200
SLUG = "fraud"
OF_THE_PROJECT = ("declaration", "live_memory")
"""Refusals that are no fault of what is told: it waits until somebody has mended the project."""
MOST_SHOWN = 100


@dataclass(frozen=True)
class SetAside:
    """One label or entry of a list that live state does not know: `name` is the transaction or the
    identifier."""

    kind: str
    name: str
    code: str
    why: str
    at: datetime


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
            answer = live.apply(SLUG, telling.project_id, str(telling.pk), _request(telling))
        except LoupeError as error:
            if isinstance(error, InputRefused) and error.code not in OF_THE_PROJECT:
                # Sending it again cannot help: it stays, marked, and the others go on.
                _answered(telling, [{"row": -1, "code": error.code, "why": error.message}])
                continue
            Telling.objects.filter(pk=telling.pk).update(
                tries=telling.tries + 1, error=f"{error.message} ({error.code})"[:300]
            )
            break
        said: Any = answer.meta.get("refused", [])
        _answered(telling, list(said))
        sent += 1
    return sent


def set_aside(actor: Actor, project: Project) -> list[SetAside]:
    """What live state refused, the newest first, at most `MOST_SHOWN`.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    rows = Telling.objects.filter(project=project, answered_at__isnull=False).exclude(error="")
    found = [
        SetAside(telling.kind, name, one["code"], one["why"], telling.created_at)
        for telling in rows.order_by("-created_at")[:MOST_SHOWN]
        for one in telling.refused
        for name in _names(telling, one["row"])
    ]
    return found[:MOST_SHOWN]


def tell_live(project_id: str, options: dict[str, Any]) -> str:
    """The schedule ``tell-live``: send what could not be sent."""
    sent = send(UUID(project_id))
    mine = Telling.objects.filter(project_id=project_id)
    left = mine.filter(answered_at=None).count()
    refused = mine.filter(answered_at__isnull=False).exclude(error="").count()
    if refused:
        return f"{sent} sent, {left} waiting; of {refused} something was set aside so far"
    return f"{sent} sent, {left} waiting"


def waiting(project: Project) -> int:
    """How many tellings the service has not answered."""
    return Telling.objects.filter(project=project, answered_at=None).count()


@transaction.atomic
def _answered(telling: Telling, refused: list[dict[str, Any]]) -> None:
    """Note what came of it; two who send the same are told the same."""
    first = f"{refused[0]['why']} ({refused[0]['code']})"[:300] if refused else ""
    changed = Telling.objects.filter(pk=telling.pk, answered_at=None).update(
        tries=telling.tries + 1, error=first, refused=refused, answered_at=timezone.now()
    )
    if changed and refused:
        named = [name for one in refused for name in _names(telling, one["row"])]
        facts = {"kind": telling.kind, "count": len(named), "first": named[:1], "why": first}
        record_audit(SYSTEM, telling.project, "live.set_aside", f"telling:{telling.pk}", facts)


def _names(telling: Telling, row: int) -> list[str]:
    """What a refusal of one row, or of all (−1), is about."""
    if telling.kind != "labels":
        return [f"{telling.body.get('entity', '')} {telling.body.get('key', '')}"]
    ids = [str(one) for one in telling.body.get("ids", [])]
    return ids if row < 0 else ids[row : row + 1]


def _request(telling: Telling) -> Payload:
    return Payload(meta={"kind": telling.kind, **telling.body})

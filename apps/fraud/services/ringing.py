"""Rings: found in the newest transactions by schedule and after each file, one alert a ring.

A ring keeps its key while its first member stays in it, so a ring that grows goes on in the alert
it has; what is closed stays closed until the ring has new members.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.fraud.models import Alert
from apps.fraud.models.alerts import AlertKind, AlertState
from apps.fraud.rings.told import Ring
from apps.fraud.scheme import Scheme
from apps.fraud.services import announcing, repeats, schemes, wakeups
from apps.fraud.services.naming import LONGEST_KEY, entity_id, storable
from apps.fraud.services.raising import refresh_cases
from apps.fraud.services.searching_rings import search
from loupe.host import jobs
from loupe.host.blocks import newest_columns

MOST_ROWS = 1_000_000
"""The newest transactions that are looked at."""
MOST_DRAWN = 2_000
LOOK_S = 5.0
"""How long after the last look a worker looks again whether a file is through."""


def refresh(project_id: str, options: dict[str, Any]) -> str:
    """The schedule ``rings``: look for rings and raise or renew their alerts.

    Args:
        options: ``most_rows``, where another number of transactions is to be looked at.
    """
    project = UUID(project_id)
    scheme = schemes.of(project)
    names = ["id", "event_time", "known_at", "amount", "score"]
    names += [f"entities.{entity.key}" for entity in scheme.entities]
    most = min(int(options.get("most_rows", MOST_ROWS)), MOST_ROWS)
    columns = newest_columns("fraud", project, names, most)
    if not len(columns.get("id", ())):
        return "no transaction yet"
    events = {
        (f"entity.{name.removeprefix('entities.')}" if name.startswith("entities.") else name): it
        for name, it in columns.items()
    }
    found = search(events, scheme)
    made, renewed = raise_rings(project, scheme, found)
    return f"{len(found)} rings in {len(columns['id'])} transactions: {made} new, {renewed} renewed"


def after_file(job_id: UUID) -> bool:
    """Look for what was there before, and for rings, once the job of a file has ended; until then,
    have it looked at again.

    Returns whether they were looked for.
    """
    job = jobs.named(job_id)
    if job is None:
        return False
    if job.ended_at is None:
        wakeups.wake_rings(job_id, LOOK_S)
        return False
    repeats.compare(job.project_id, job_id)
    refresh(str(job.project_id), {})
    return True


@transaction.atomic
def raise_rings(project_id: UUID, scheme: Scheme, rings: Sequence[Ring]) -> tuple[int, int]:
    """One alert a ring; returns how many were made and renewed. Repeating changes nothing."""
    now = timezone.now()
    ids = {entity_id(project_id, "ring", ring.key): ring for ring in rings}
    rows = Alert.objects.filter(project=project_id, kind=AlertKind.RING, entity__in=list(ids))
    known: dict[UUID, Alert] = {}
    for row in rows.select_for_update().order_by("pk"):
        known[row.entity] = row
    made = renewed = 0
    touched = set()
    new: list[Alert] = []
    for entity, ring in sorted(ids.items()):
        alert = known.get(entity)
        old = set(alert.ring.get("members", ())) if alert else set()
        grown = bool(set(ring.members) - old)
        if alert is None or (alert.state == AlertState.CLOSED and grown):
            alert = Alert(
                project_id=project_id,
                kind=AlertKind.RING,
                entity_type="ring",
                entity_key=storable(ring.key, LONGEST_KEY),
                entity=entity,
                raised_at=now,
            )
            made += 1
        elif alert.state == AlertState.CLOSED or not grown:
            continue
        else:
            renewed += 1
        _fill(alert, ring, scheme)
        alert.changed_at = now
        alert.save()
        if alert.raised_at == now:
            new.append(alert)
        if alert.case_id:
            touched.add(alert.case_id)
    refresh_cases(touched, now)
    announcing.raised(project_id, new)
    return made, renewed


def _fill(alert: Alert, ring: Ring, scheme: Scheme) -> None:
    alert.hits = len(ring.members)
    alert.outcome, alert.score, alert.amount = "review", ring.score, ring.money
    alert.label = ring.evidence[0].key[:100] if ring.evidence else "ring"
    alert.reasons = [
        {"code": one.key, "en": one.en, "zh": one.zh, "weight": one.weight} for one in ring.evidence
    ]
    alert.first_ms, alert.last_ms = ring.first, ring.last
    alert.ring = {
        "members": [storable(member, LONGEST_KEY) for member in ring.members],
        "moved": ring.moved,
        "payer": scheme.payer.key,
        "ties": [
            {**asdict(tie), "left": storable(tie.left, 256), "right": storable(tie.right, 256)}
            for tie in ring.ties[:MOST_DRAWN]
        ],
    }

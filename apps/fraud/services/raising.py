"""Raising alerts: one per entity or ring while it is open, further hits join it.

`raise_alerts` takes what a block of results holds; the number of queries does not grow with the
rows. A transaction alerts once in a project, however often its block is stored again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from apps.fraud.models import Alert, AlertHit, Case, ListEntry
from apps.fraud.models.alerts import AlertKind, AlertState
from apps.fraud.schema import OUTCOMES
from apps.fraud.services import announcing
from apps.fraud.services.naming import (
    LONGEST_KEY,
    LONGEST_TRANSACTION,
    entity_id,
    storable,
)
from apps.fraud.services.statements import insert_new, renew
from loupe.host.results import insert

LARGEST_SUM = 2**62


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One transaction that a person should look at. Times are milliseconds UTC, money is in minor
    units; `entity_type` and `entity_key` name whose alert it joins."""

    transaction: str
    entity_type: str
    entity_key: str
    event_ms: int
    amount: int
    amount_original: int
    currency: str
    outcome: str
    score: float
    label: str = ""
    result: int | None = None
    reasons: Sequence[Mapping[str, Any]] = ()
    entities: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def weight(self) -> tuple[int, float]:
        """What weighs most leads an alert."""
        return OUTCOMES.index(self.outcome), self.score


@transaction.atomic
def raise_alerts(project_id: UUID, hits: Iterable[Hit]) -> int:
    """Put hits into alerts, open ones first; returns how many were new.

    Hits on a snoozed entity raise nothing and are counted at the snooze.
    """
    first: dict[str, Hit] = {}
    for hit in hits:
        first.setdefault(storable(hit.transaction, LONGEST_TRANSACTION), hit)
    known = AlertHit.objects.filter(project=project_id, transaction__in=list(first))
    for name in known.values_list("transaction", flat=True):
        del first[name]
    groups: dict[UUID, list[tuple[str, Hit]]] = {}
    for name, hit in first.items():
        entity = entity_id(project_id, hit.entity_type, hit.entity_key)
        groups.setdefault(entity, []).append((name, hit))
    now = timezone.now()
    _hold_back(project_id, groups, now)
    if not groups:
        return 0
    alerts = _open_ones(project_id, groups, now)
    new = []
    for entity, members in groups.items():
        alert = alerts[entity]
        _join(alert, [hit for _name, hit in members], now)
        new += [_row(alert, project_id, name, hit) for name, hit in members]
    # In one order for all, so that two workers never wait for each other.
    ordered = [alerts[entity] for entity in sorted(groups)]
    renew(
        ordered,
        (
            "hits", "outcome", "score", "amount", "label", "reasons", "first_ms", "last_ms",
            "changed_at",
        ),
    )  # fmt: skip
    insert(new)
    refresh_cases({alert.case_id for alert in ordered if alert.case_id}, now)
    announcing.raised(project_id, [alert for alert in ordered if alert.raised_at == now])
    return len(new)


def refresh_cases(case_ids: Iterable[int], now: datetime) -> None:
    """Cases again say how much money they are about."""
    wanted = sorted(set(case_ids))
    if not wanted:
        return
    sums = dict(
        Alert.objects.filter(case__in=wanted)
        .values_list("case")
        .annotate(total=Sum("amount"))
        .order_by()
    )
    cases = list(Case.objects.filter(pk__in=wanted).order_by("pk"))
    for case in cases:
        case.amount, case.changed_at = min(sums.get(case.pk) or 0, LARGEST_SUM), now
    Case.objects.bulk_update(cases, ["amount", "changed_at"])


def _hold_back(project_id: UUID, groups: dict[UUID, list[tuple[str, Hit]]], now: datetime) -> None:
    """Drop the groups of snoozed entities."""
    snoozes = ListEntry.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        list__project=project_id,
        list__kind="snooze",
        removed_at=None,
        entity__in=list(groups),
    )
    for pk, entity in list(snoozes.values_list("pk", "entity")):
        silent = groups.pop(entity, [])
        ListEntry.objects.filter(pk=pk).update(held_back=F("held_back") + len(silent))


def _open_ones(
    project_id: UUID, groups: Mapping[UUID, list[tuple[str, Hit]]], now: datetime
) -> dict[UUID, Alert]:
    """The open alert of each group; those that are missing are made."""
    rows = Alert.objects.filter(project=project_id, entity__in=list(groups))
    rows = rows.exclude(state=AlertState.CLOSED).order_by("entity")
    found = {alert.entity: alert for alert in rows.select_for_update()}
    fresh = [
        _empty(project_id, entity, groups[entity][0][1], now)
        for entity in sorted(groups)
        if entity not in found
    ]
    if fresh:
        insert_new(fresh)
        found = {alert.entity: alert for alert in rows.select_for_update()}
    return found


def _empty(project_id: UUID, entity: UUID, hit: Hit, now: datetime) -> Alert:
    return Alert(
        project_id=project_id,
        kind=AlertKind.TRANSACTION,
        entity_type=hit.entity_type,
        entity_key=storable(hit.entity_key, LONGEST_KEY),
        entity=entity,
        outcome=OUTCOMES[0],
        score=0.0,
        first_ms=hit.event_ms,
        last_ms=hit.event_ms,
        raised_at=now,
        changed_at=now,
    )


def _join(alert: Alert, hits: Sequence[Hit], now: datetime) -> None:
    leading = max(hits, key=lambda hit: hit.weight)
    if alert.hits == 0 or leading.weight > (OUTCOMES.index(alert.outcome), alert.score):
        alert.label = leading.label[:100]
        alert.reasons = [dict(reason) for reason in leading.reasons]
    alert.hits += len(hits)
    alert.outcome = max(alert.outcome, *(hit.outcome for hit in hits), key=OUTCOMES.index)
    alert.score = max(alert.score, *(hit.score for hit in hits))
    alert.amount = min(alert.amount + sum(hit.amount for hit in hits), LARGEST_SUM)
    alert.first_ms = min(alert.first_ms, *(hit.event_ms for hit in hits))
    alert.last_ms = max(alert.last_ms, *(hit.event_ms for hit in hits))
    alert.changed_at = now


def _row(alert: Alert, project_id: UUID, name: str, hit: Hit) -> AlertHit:
    return AlertHit(
        alert=alert,
        project_id=project_id,
        transaction=name,
        result=hit.result,
        event_ms=hit.event_ms,
        amount=hit.amount,
        amount_original=hit.amount_original,
        currency=hit.currency[:3],
        outcome=hit.outcome,
        score=hit.score,
        label=hit.label[:100],
        reasons=[dict(reason) for reason in hit.reasons],
        entities={key: storable(value, LONGEST_KEY) for key, value in hit.entities.items()},
        attributes={key: storable(value, LONGEST_KEY) for key, value in hit.attributes.items()},
    )

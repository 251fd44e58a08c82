"""Rows as REST shows them."""

from typing import Any

from apps.fraud.api.shapes import (
    AlertDetail,
    AlertShape,
    CaseDetail,
    CaseEventShape,
    CaseShape,
    EdgeShape,
    EntityShape,
    HitShape,
    LabelShape,
    ListedShape,
    NodeShape,
    PastShape,
)
from apps.fraud.models import Alert, AlertHit, Case, Entity, ListEntry, TransactionLabel
from apps.fraud.services import alerts, entities, history
from apps.fraud.services.entity_index import keeping_up


def alert(row: Alert) -> AlertShape:
    """An alert fetched with case and assignee."""
    return AlertShape(**_alert(row))


def alert_detail(row: Alert) -> AlertDetail:
    """An alert with its transactions; one query more."""
    return AlertDetail(**_alert(row), transactions=[hit(one) for one in alerts.hits_of(row)])


def hit(row: AlertHit) -> HitShape:
    """One transaction of an alert."""
    return HitShape(
        transaction=row.transaction,
        result=row.result,
        event_time=row.event_ms,
        amount=row.amount,
        amount_original=row.amount_original,
        currency=row.currency,
        outcome=row.outcome,
        score=row.score,
        label=row.label,
        entities=row.entities,
        attributes=row.attributes,
        reasons=row.reasons,
    )


def case(row: Case) -> CaseShape:
    """A case fetched with its assignee."""
    return CaseShape(**_case(row))


def case_detail(row: Case) -> CaseDetail:
    """A case with alerts and history; two queries more."""
    about = row.alerts.select_related("case", "assignee").order_by("-score", "-pk")[:500]
    told = row.events.order_by("pk")[:1000]
    return CaseDetail(
        **_case(row),
        alerts=[alert(one) for one in about],
        events=[
            CaseEventShape(kind=one.kind, who=one.who, text=one.text, data=one.data, at=one.at)
            for one in told
        ],
    )


def label(row: TransactionLabel) -> LabelShape:
    """One word about a transaction."""
    return LabelShape(
        transaction=row.transaction,
        label=row.label,
        known_at=row.known_at,
        source=row.source,
        who=row.who,
        note=row.note,
        standing=row.standing,
    )


def listed(row: ListEntry) -> ListedShape:
    """An entry fetched with its list."""
    return ListedShape(
        id=row.pk,
        list=row.list.key,
        type=row.entity_type,
        key=row.entity_key,
        reason=row.reason,
        added_by=row.added_by,
        added_at=row.added_at,
        expires_at=row.expires_at,
        removed_at=row.removed_at,
        removed_by=row.removed_by,
    )


def entity(row: Entity) -> EntityShape:
    """An entity with everything around it."""
    around = entities.neighbourhood(row)
    return EntityShape(
        type=row.type,
        key=row.key,
        count=row.count,
        flagged=row.flagged,
        amount=row.amount,
        score=row.score,
        first_event=row.first_ms,
        last_event=row.last_ms,
        alerts=[alert(one) for one in entities.alerts_of(row)[:20]],
        lists=[listed(one) for one in entities.lists_of(row)],
        transactions=[PastShape(**one.row) for one in history.of(row)],
        nodes=[NodeShape(**node) for node in around.nodes.values()],
        edges=[
            EdgeShape(payer=edge["from"], other=edge["to"], count=edge["count"])
            for edge in around.edges
        ],
        hidden_edges=around.hidden,
        behind=keeping_up.waiting(row.project_id),
    )


def _alert(row: Alert) -> dict[str, Any]:
    return {
        "id": row.pk,
        "kind": row.kind,
        "entity_type": row.entity_type,
        "entity_key": row.entity_key,
        "state": row.state,
        "case": row.case.number if row.case else None,
        "assignee": row.assignee.get_username() if row.assignee else "",
        "hits": row.hits,
        "outcome": row.outcome,
        "score": row.score,
        "amount": row.amount,
        "label": row.label,
        "reasons": row.reasons,
        "first_event": row.first_ms,
        "last_event": row.last_ms,
        "disposition": row.disposition,
        "raised_at": row.raised_at,
        "changed_at": row.changed_at,
        "closed_at": row.closed_at,
    }


def _case(row: Case) -> dict[str, Any]:
    return {
        "number": row.number,
        "title": row.title,
        "state": row.state,
        "assignee": row.assignee.get_username() if row.assignee else "",
        "amount": row.amount,
        "disposition": row.disposition,
        "opened_by": row.opened_by,
        "opened_at": row.opened_at,
        "changed_at": row.changed_at,
        "closed_at": row.closed_at,
    }

"""What webhooks hear: payments for review or blocked, alerts raised and alerts closed.

Each is a line of the changes feed in the transaction of what it tells of, so it tells nothing that
did not happen. docs/fraud.md lists what `data` holds.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from apps.fraud.models import Alert
from loupe.host.changes import Kind, publish_many
from loupe.host.people import Project

if TYPE_CHECKING:
    from apps.fraud.services.raising import Hit

MOST_DECISIONS = 500
"""Of one block, the strongest; ``result.decided`` counts all of them."""
MOST_REASONS = 5


def decisions(project_id: UUID, hits: "Sequence[Hit]") -> None:
    """One line a payment for review or blocked, strongest first."""
    publish_many(
        Project.objects.get(pk=project_id),
        [
            (
                Kind.DECISION_MADE,
                hit.result or hit.transaction[:60],
                {
                    "transaction": hit.transaction,
                    "outcome": hit.outcome,
                    "score": hit.score,
                    "label": hit.label,
                    "amount": hit.amount,
                    "entity_type": hit.entity_type,
                    "entity_key": hit.entity_key,
                    "reasons": [
                        {name: reason.get(name) for name in ("code", "en", "zh", "weight")}
                        for reason in hit.reasons[:MOST_REASONS]
                    ],
                },
            )
            for hit in hits[:MOST_DECISIONS]
        ],
    )


def raised(project_id: UUID, alerts: Sequence[Alert]) -> None:
    """New alerts; without any nothing is asked or written."""
    if not alerts:
        return
    project = Project.objects.get(pk=project_id)
    publish_many(project, [(Kind.ALERT_RAISED, alert.pk, _told(alert)) for alert in alerts])


def closed(project: Project, alerts: Sequence[Alert], disposition: str) -> None:
    """Alerts that somebody has closed with a word."""
    publish_many(
        project,
        [
            (Kind.ALERT_CLOSED, alert.pk, {**_told(alert), "disposition": disposition})
            for alert in alerts
        ],
    )


def _told(alert: Alert) -> dict[str, object]:
    return {
        "kind": alert.kind,
        "entity_type": alert.entity_type,
        "entity_key": alert.entity_key,
        "outcome": alert.outcome,
        "score": alert.score,
        "amount": alert.amount,
        "hits": alert.hits,
        "label": alert.label,
    }

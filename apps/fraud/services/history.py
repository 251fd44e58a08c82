"""What an entity did: its newest transactions, read from the blocks that hold them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.fraud.models import Entity
from apps.fraud.schema import ScoredTransaction
from apps.fraud.services import labels
from loupe.host.blocks import rows_where

NEWEST = 200
MOST_BLOCKS = 40


@dataclass(frozen=True, kw_only=True)
class Past:
    """One transaction of an entity. `truth` is the label that stands, or empty."""

    result: int
    data: ScoredTransaction
    outcome: str
    score: float
    label: str
    truth: str

    @property
    def row(self) -> dict[str, Any]:
        """For REST."""
        return {
            "id": self.data.id,
            "result": self.result,
            "event_time": self.data.event_time,
            "amount": self.data.amount,
            "currency": self.data.currency,
            "outcome": self.outcome,
            "score": self.score,
            "label": self.label,
            "truth": self.truth,
        }


def of(entity: Entity, limit: int = NEWEST) -> list[Past]:
    """At most `limit` transactions, those that happened last first, from the newest blocks; one
    that came again stands there once."""
    rows = rows_where(
        "fraud",
        entity.project_id,
        block_ids(entity.blocks)[:MOST_BLOCKS],
        f"entities.{entity.type}",
        entity.key,
        limit,
    )
    said = labels.of_transactions(
        entity.project, [row.data.id for row in rows if isinstance(row.data, ScoredTransaction)]
    )
    found = [
        Past(
            result=row.result_id,
            data=row.data,
            outcome=row.outcome,
            score=row.data.score,
            label=row.label,
            truth=said[row.data.id].label if row.data.id in said else "",
        )
        for row in rows
        if isinstance(row.data, ScoredTransaction) and not row.data.repeated
    ]
    return sorted(found, key=lambda past: -past.data.event_time)


def block_ids(text: str) -> Sequence[int]:
    """The blocks an entity names, newest first; the last one may have been cut and is left out
    where it was."""
    whole = text[: text.rfind(",") + 1]
    return [int(part) for part in whole.split(",") if part]

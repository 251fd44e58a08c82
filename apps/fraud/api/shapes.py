"""What REST answers and takes about alerts, cases, labels, entities and lists.

Money is in minor units of the currency beside it, or of the project's; event times are
milliseconds since 1970 in UTC.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from loupe.host.rest import Order, Paged, Shape

Word = Literal["fraud", "honest", "unknown"]


class ScoreReasonShape(Shape):
    """Why a decision fell as it did."""

    code: str
    en: str
    zh: str
    weight: float = 1.0


class HitShape(Shape):
    """One transaction of an alert."""

    transaction: str
    result: int | None = Field(description="id of the result; null where it is not kept")
    event_time: int
    amount: int
    amount_original: int
    currency: str
    outcome: str
    score: float
    label: str
    entities: dict[str, str]
    attributes: dict[str, str]
    reasons: list[ScoreReasonShape]


class AlertShape(Shape):
    """An alert: one per payer or ring while it is not closed."""

    id: int
    kind: str = Field(description="transaction or ring")
    entity_type: str
    entity_key: str
    state: str = Field(description="open, in_case or closed")
    case: int | None = Field(description="number of its case")
    assignee: str = Field(description="who works on it; empty: nobody")
    hits: int
    outcome: str = Field(description="the strictest of its transactions")
    score: float
    amount: int
    label: str
    reasons: list[ScoreReasonShape]
    first_event: int
    last_event: int
    disposition: str = Field(description="fraud, honest or unknown; empty while it is open")
    raised_at: datetime
    changed_at: datetime
    closed_at: datetime | None


class AlertDetail(AlertShape):
    """An alert with its transactions, newest first, at most 200."""

    transactions: list[HitShape]


class AlertPage(Paged):
    """One page of alerts."""

    alerts: list[AlertShape]


class Disposition(Order):
    """What something was."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"disposition": "honest"}]}
    )

    disposition: Word
    note: str = Field(default="", max_length=500)


class CaseEventShape(Shape):
    """One line of a case's history."""

    kind: str
    who: str
    text: str
    data: dict[str, Any]
    at: datetime


class CaseShape(Shape):
    """A case."""

    number: int
    title: str
    state: str = Field(description="open or closed")
    assignee: str
    amount: int
    disposition: str
    opened_by: str
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None


class CaseDetail(CaseShape):
    """A case with its alerts and its history, oldest first."""

    alerts: list[AlertShape]
    events: list[CaseEventShape]


class CasePage(Paged):
    """One page of cases."""

    cases: list[CaseShape]


class CaseOrder(Order):
    """A new case about open alerts."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"alerts": [17, 18]}]}
    )

    alerts: list[int] = Field(min_length=1, max_length=200)
    title: str = Field(default="", max_length=200, description="empty: after the riskiest alert")


class AlertsOrder(Order):
    """Open alerts that join a case."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"alerts": [19]}]}
    )

    alerts: list[int] = Field(min_length=1, max_length=200)


class AssignOrder(Order):
    """Whose something is from now on."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"assignee": "anna"}]}
    )

    assignee: str = Field(max_length=150, description="a reviewer's name; empty: nobody's")


class NoteOrder(Order):
    """A note."""

    text: str = Field(min_length=1, max_length=10_000)


class LabelOrder(Order):
    """What one transaction turned out to be."""

    transaction: str = Field(min_length=1, max_length=256, description="the sender's id")
    label: Word
    known_at: datetime | None = Field(default=None, description="with a zone; left out: now")
    note: str = Field(default="", max_length=500)


class TransactionLabelsOrder(Order):
    """Labels, at most 5,000; sending them again changes nothing."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "labels": [
                        {
                            "transaction": "T-2026-000117",
                            "label": "fraud",
                            "known_at": "2026-03-09T08:00:00Z",
                        }
                    ],
                    "source": "chargeback",
                }
            ]
        },
    )

    labels: list[LabelOrder] = Field(min_length=1, max_length=5_000)
    source: Literal["report", "chargeback"] = "report"


class LabelsShape(Shape):
    """What came of labels."""

    standing: int = Field(description="changed what holds")
    same: int = Field(description="said what held already")
    outweighed: int = Field(description="are kept, but something known later stands")


class LabelShape(Shape):
    """One word about one transaction."""

    transaction: str
    label: str
    known_at: datetime
    source: str
    who: str
    note: str
    standing: bool


class LabelPage(Paged):
    """One page of labels, newest first."""

    labels: list[LabelShape]


class ListedShape(Shape):
    """Where an entity stands on a list."""

    id: int
    list: str
    type: str
    key: str
    reason: str
    added_by: str
    added_at: datetime
    expires_at: datetime | None
    removed_at: datetime | None
    removed_by: str


class ListedPage(Paged):
    """One page of a list, newest first."""

    entries: list[ListedShape]


class ListedOrder(Order):
    """Somebody or something to put on a list."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"type": "device", "key": "d2f1c0", "reason": "Used by five accounts"}]
        },
    )

    type: str = Field(max_length=30)
    key: str = Field(min_length=1, max_length=256)
    reason: str = Field(min_length=1, max_length=300)
    expires_at: datetime | None = Field(default=None, description="with a zone; null: never")


class PastShape(Shape):
    """One transaction of an entity."""

    id: str
    result: int
    event_time: int
    amount: int
    currency: str
    outcome: str
    score: float
    label: str
    truth: str = Field(description="the label that stands; empty: none")


class NodeShape(Shape):
    """An entity in a neighbourhood."""

    id: str
    type: str
    key: str
    count: int
    flagged: int
    score: float
    place: str = Field(description="self, near (shared) or far (shares it)")
    alerted: bool
    payers: int | None = Field(default=None, description="of what is shared: by how many")


class EdgeShape(Shape):
    """A payer used what is shared so many times."""

    payer: str
    other: str
    count: int


class EntityShape(Shape):
    """An entity with its newest transactions and what it shares with others."""

    type: str
    key: str
    count: int
    flagged: int
    amount: int
    score: float = Field(description="the highest so far")
    first_event: int
    last_event: int
    alerts: list[AlertShape]
    lists: list[ListedShape]
    transactions: list[PastShape] = Field(description="at most 200, newest first")
    nodes: list[NodeShape]
    edges: list[EdgeShape]
    hidden_edges: int
    behind: int = Field(
        description="transactions of the project that have just come and are not counted here yet"
    )

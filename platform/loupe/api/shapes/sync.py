"""Answers of synchronous calls."""

import uuid
from datetime import datetime

from pydantic import Field

from loupe.api.shapes.base import JsonObject, Shape
from loupe.api.shapes.results import DecisionShape
from loupe.api.shapes.work import ModelUsed


class TroubleShape(Shape):
    """Why the caller's fallback policy was applied."""

    code: str
    detail: str


class SyncAnswer(Shape):
    """What every synchronous answer carries."""

    app: str
    submission: uuid.UUID
    job: uuid.UUID
    item: int
    name: str
    sha256: str = Field(description="of the body's bytes")
    model: ModelUsed | None
    fallback: str = Field(
        description="Empty as a rule; fail_open or fail_closed where the engine was late or gone "
        "and the caller's policy decided."
    )
    trouble: TroubleShape | None = None
    times_ms: dict[str, float] = Field(
        description="Wall time of each stage: queue, the app's own, decide, store, total."
    )
    created_at: datetime


class FileAnswer(SyncAnswer):
    """The answer for one file."""

    result: int | None = Field(description="its id; null where a fallback decided")
    outcome: str
    decision: DecisionShape
    data: JsonObject | None = Field(description="the app's result; null where a fallback decided")


class RowDecision(Shape):
    """What was decided on one row."""

    outcome: str
    score: float
    label: str = ""


class RowAnswer(Shape):
    """One row of an answer, in the order of the request."""

    data: JsonObject | None
    decision: RowDecision


class RowsAnswer(SyncAnswer):
    """The answer for a batch of rows."""

    request_id: str
    rows: list[RowAnswer]

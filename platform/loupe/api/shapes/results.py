"""Results with their decisions."""

import uuid
from datetime import datetime

from pydantic import Field

from loupe.api.shapes.base import JsonObject, Paged, Shape
from loupe.api.shapes.work import ModelUsed


class ReasonShape(Shape):
    """Why a decision fell as it did."""

    code: str
    en: str
    zh: str
    weight: float = 1.0


class DecisionShape(Shape):
    """What the operating point made of a result. It is never edited."""

    outcome: str
    score: float = Field(description="higher needs a person sooner")
    label: str = ""
    reasons: list[ReasonShape] = Field(default_factory=list)


class ResultShape(Shape):
    """One result."""

    id: int
    app: str
    job: uuid.UUID
    item: int
    name: str = Field(description="the file's name as it was sent")
    sha256: str = Field(description="of the input's bytes")
    outcome: str = Field(description="the latest word: the machine's, or a reviewer's")
    reviewed: bool
    decision: DecisionShape
    data: JsonObject = Field(description="the app's own result, see its schema")
    model: ModelUsed
    times_ms: dict[str, float] = Field(description="wall time of each stage")
    fallback: str = ""
    created_at: datetime


class ResultPage(Paged):
    """One page of results, newest first."""

    results: list[ResultShape]

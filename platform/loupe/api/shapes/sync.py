"""Answers of synchronous calls."""

import uuid
from datetime import datetime

from pydantic import ConfigDict, Field

from loupe.api.shapes.base import JsonObject, Shape
from loupe.api.shapes.results import DecisionShape, ReasonShape
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

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "app": "images",
                    "submission": "0192f0c1-7c3e-7b55-9a8e-2d1f64b7c001",
                    "job": "0192f0c1-7c3e-7b55-9a8e-2d1f64b7c002",
                    "item": 4711,
                    "name": "board-17.jpg",
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "model": {
                        "name": "surfaces",
                        "version": 1,
                        "artefact_sha256": "2c26b46b68ffc68ff99b453c1d304134" * 2,
                        "operating_point": 3,
                    },
                    "fallback": "",
                    "trouble": None,
                    "times_ms": {"queue": 0.1, "infer": 48.2, "decide": 0.1, "total": 61.4},
                    "created_at": "2026-11-22T03:04:05Z",
                    "result": 4711,
                    "outcome": "fail",
                    "decision": {
                        "outcome": "fail",
                        "score": 2.9,
                        "label": "scratch",
                        "reasons": [],
                    },
                    "data": {"boxes": []},
                }
            ]
        },
    )

    result: int | None = Field(description="its id; null where a fallback decided")
    outcome: str
    decision: DecisionShape
    data: JsonObject | None = Field(description="the app's result; null where a fallback decided")


class RowDecision(Shape):
    """What was decided on one row."""

    outcome: str
    score: float
    label: str = ""
    reasons: list[ReasonShape] = Field(
        default=[], description="strongest first; of outcomes the app explains at once"
    )


class RowAnswer(Shape):
    """One row of an answer, in the order of the request."""

    data: JsonObject | None
    decision: RowDecision


class RowsAnswer(SyncAnswer):
    """The answer for a batch of rows."""

    request_id: str
    first_row: int = Field(
        default=0, description="where these rows begin in the item, which short calls may share"
    )
    together: int = Field(default=1, description="calls that share the item")
    rows: list[RowAnswer]

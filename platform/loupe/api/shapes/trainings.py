"""Trainings, evaluations and promotions."""

import uuid
from datetime import datetime

from pydantic import ConfigDict, Field

from loupe.api.shapes.base import JsonObject, Order, Paged, Shape
from loupe.api.shapes.models import VersionShape
from loupe.contract.runtime.panel import GateRow, Panel


class TrainingOrder(Order):
    """What to train, on which data."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "app": "dummy_app",
                    "model": "line-3",
                    "dataset": "0192f3c4-5d6e-7f80-9123-456789abcdef",
                    "dataset_version": 2,
                    "config": {},
                    "seed": 0,
                }
            ]
        },
    )

    app: str
    model: str = Field(description="the model a new version is added to; it need not exist yet")
    dataset: uuid.UUID | None = Field(default=None, description="left out: `source` is named")
    dataset_version: int | None = Field(default=None, description="left out: the newest one")
    source: str | None = Field(
        default=None,
        description="a source of the app in place of a dataset, see `trainings/sources`: it is "
        "frozen as it is now",
    )
    config: JsonObject = Field(
        default_factory=dict, description="fields of the app's recipe; the rest has its defaults"
    )
    base_model: str | None = Field(
        default=None, description="the registered model to start from; left out: from scratch"
    )
    base_version: int | None = Field(default=None, description="left out: the one in production")
    seed: int = 0


class EvaluationOrder(Order):
    """On which data to measure a version."""

    dataset: uuid.UUID | None = Field(default=None, description="left out: `source` is named")
    dataset_version: int | None = Field(default=None, description="left out: the newest one")
    source: str | None = Field(default=None, description="a source of the app, as it is now")


class TrainingSourceShape(Shape):
    """Something of the project's that models can be trained and measured on."""

    key: str
    words: str


class SourceList(Shape):
    """What an app can train on beside datasets."""

    sources: list[TrainingSourceShape]


class TrainingShape(Shape):
    """A training or evaluation and how far it is."""

    id: uuid.UUID
    project: str
    app: str
    kind: str = Field(description="train or evaluate")
    model: str
    dataset: uuid.UUID
    dataset_name: str
    dataset_version: int
    base: str | None = Field(description="the version it starts from, or that is evaluated")
    config: JsonObject
    seed: int
    state: str = Field(description="queued, running, done, failed or cancelled")
    progress: float = Field(description="0 to 1")
    note: str
    device: str
    attempts: int
    error_code: str
    error: str
    model_id: int | None = Field(description="of the version that came of it")
    version: int | None
    created_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class MetricsShape(Shape):
    """Figures of one step."""

    step: int = Field(description="the epoch, from 1")
    values: JsonObject


class TrainingDetail(TrainingShape):
    """A training with its figures and the end of its log."""

    metrics: list[MetricsShape]
    log: str


class TrainingPage(Paged):
    """One page of trainings and evaluations, newest first."""

    trainings: list[TrainingShape]


class EvaluationShape(Shape):
    """What one artefact of a version scored on one dataset version."""

    id: int
    dataset: uuid.UUID
    dataset_name: str
    dataset_version: int
    runtime: str
    serving: bool = Field(description="whether it is the runtime that serves the version")
    training: uuid.UUID | None
    panel: Panel
    created_at: datetime


class EvaluationPage(Paged):
    """One page of a version's evaluations, newest first."""

    evaluations: list[EvaluationShape]


class GateShape(Shape):
    """What has to hold before a version goes into production."""

    open: bool
    rows: list[GateRow]


class PromotionOrder(Order):
    """Which version shall decide, and why."""

    version: int = Field(ge=1, lt=2**31)
    reason: str = Field(min_length=1, max_length=500, description="kept in the audit log")
    replacing: int | None = Field(
        default=None,
        description="the version in production that you saw: refused if it is another one by now",
    )


class ConsentOrder(Order):
    """An answer to somebody else's wish."""

    version: int | None = Field(
        default=None, ge=1, lt=2**31, description="needed where several versions wait"
    )
    comment: str = Field(default="", max_length=500)


class RollbackOrder(Order):
    """Why the version before shall decide again."""

    reason: str = Field(min_length=1, max_length=500, description="kept in the audit log")


class PromotionShape(Shape):
    """A wish to put a version into production, and what became of it."""

    id: int
    version: int
    state: str = Field(description="waiting, approved, declined or withdrawn")
    rolls_back: bool
    reason: str
    gate: list[GateRow]
    requested_by: str
    requested_at: datetime
    decided_by: str
    decided_at: datetime | None
    comment: str


class PromotedShape(Shape):
    """The version, and the wish where it waits for a second person."""

    version: VersionShape
    waiting: PromotionShape | None


class PromotionPage(Paged):
    """Who put what into production when, newest first."""

    promotions: list[PromotionShape]

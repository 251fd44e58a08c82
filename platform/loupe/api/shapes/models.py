"""Models, their versions and operating points."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from loupe.api.shapes.base import JsonObject, Order, Paged, Shape


class OperatingPointShape(Shape):
    """Thresholds of a model version; a change is a new number."""

    number: int
    scope: str = Field(description="what it decides about, e.g. a product; empty: the rest")
    data: JsonObject = Field(description="see the app's operating_point_schema")
    certificate: JsonObject | None = Field(description="how it was fitted; null: set by hand")
    note: str
    created_by: str
    created_at: datetime


class OperatingPointOrder(Order):
    """New thresholds."""

    data: JsonObject
    note: str = Field(default="", max_length=300)


class OperatingPointPage(Paged):
    """Operating points of a version, newest first."""

    operating_points: list[OperatingPointShape]


class VersionShape(Shape):
    """One immutable artefact."""

    number: int
    stage: str = Field(description="candidate, production or retired")
    artefact_sha256: str
    manifest: JsonObject
    created_by: str
    created_at: datetime


class ModelShape(Shape):
    """A named model."""

    id: int
    app: str
    name: str
    shared: bool = Field(description="shipped with Loupe, not the project's own")
    description: str
    production: int | None = Field(description="the version in production")
    created_at: datetime


class ModelDetail(ModelShape):
    """A model with its versions, newest first."""

    versions: list[VersionShape]


class ModelPage(Paged):
    """One page of models."""

    models: list[ModelShape]


class StageOrder(Order):
    """Where a version shall stand."""

    stage: Literal["production", "retired"]
    reason: str = Field(min_length=1, max_length=500, description="kept in the audit log")

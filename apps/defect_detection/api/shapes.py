"""What REST answers and takes about products, stations, parts and quality."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from apps.defect_detection.picture import PictureRules
from loupe.host.rest import Order, Paged, Shape


class RecipeShape(Shape):
    """One numbered way to inspect a product."""

    number: int
    model: str = Field(description="empty: the project's default")
    model_version: str
    operating_point: int
    views: list[str] = Field(description="views a part needs")
    mm_per_pixel: float | None
    picture: PictureRules
    reference: int | None = Field(description="the result its regions were drawn on")
    note: str
    created_at: datetime


class ProductShape(Shape):
    """What is made and inspected."""

    id: UUID
    key: str
    name: str
    archived: bool
    recipe: RecipeShape | None = Field(description="the newest; null: none was saved yet")
    created_at: datetime


class Products(Shape):
    """Every product of a project, by name."""

    products: list[ProductShape]


class ProductOrder(Order):
    """A new product."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"key": "bracket-7", "name": "Bracket 7"}]},
    )

    key: str = Field(min_length=1, max_length=60, description="what senders call it")
    name: str = Field(min_length=1, max_length=120)


class ProductChange(Order):
    """What to change; what is left out stays."""

    name: str | None = Field(default=None, min_length=1, max_length=120)
    archived: bool | None = None


class RecipeOrder(Order):
    """The next recipe of a product; the one before stays in the history."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "views": ["top", "bottom"],
                    "mm_per_pixel": 0.05,
                    "picture": {
                        "file_names": "{lot}_{serial}_{view}",
                        "masks": [
                            {"name": "logo", "corners": [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]}
                        ],
                    },
                    "note": "The logo is no defect",
                }
            ]
        },
    )

    model: str = Field(default="", max_length=60, description="empty: the project's default")
    views: list[str] = Field(default_factory=list, max_length=24)
    mm_per_pixel: float | None = Field(default=None, gt=0)
    picture: PictureRules = Field(default_factory=PictureRules)
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description="other fields of the operating point to set with it, e.g. threshold or sizes",
    )
    reference: int | None = Field(default=None, ge=0, lt=2**63)
    note: str = Field(default="", max_length=300)
    expected_recipe: int | None = Field(
        default=None, ge=0, description="the newest number you saw, 0 for none; another one is 409"
    )


class StationShape(Shape):
    """One place of inspection, and what runs there."""

    id: UUID
    key: str
    name: str
    product: str = Field(description="its key; empty: none is named")
    lot: str
    shift_starts: list[str]


class Stations(Shape):
    """Every station of a project, by name."""

    stations: list[StationShape]


class StationOrder(Order):
    """A new station."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"key": "line-1", "name": "Line 1"}]},
    )

    key: str = Field(min_length=1, max_length=60)
    name: str = Field(min_length=1, max_length=120)
    shift_starts: list[str] = Field(default_factory=list, max_length=8)


class RunOrder(Order):
    """What runs at a station from now on."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"product": "bracket-7", "lot": "L7"}]},
    )

    product: str = Field(default="", max_length=60, description="its key; empty: none")
    lot: str = Field(default="", max_length=100)


class ViewShape(Shape):
    """One picture of a part."""

    result: int
    name: str
    outcome: str
    machine_outcome: str
    reviewed: bool
    label: str
    replaced: bool = Field(description="a newer picture of this view counts")
    created_at: datetime


class FindingShape(Shape):
    """What was found on a part after its inspection."""

    id: int
    label: str
    place: str
    note: str
    found_at: datetime
    told_by: str
    withdrawn_at: datetime | None


class PartShape(Shape):
    """One part and what is known of it."""

    id: int
    product: str
    station: str
    lot: str
    serial: str
    named: bool = Field(description="whether a serial was read; else one was made")
    outcome: str = Field(description="now, with reviews and findings")
    machine_outcome: str
    reviewed: bool
    label: str = Field(description="the defect that weighs most")
    missing: list[str] = Field(description="required views without a picture")
    escaped: bool
    overkilled: bool
    first_at: datetime
    last_at: datetime


class PartDetail(PartShape):
    """A part with its views and findings."""

    views: list[ViewShape]
    findings: list[FindingShape]


class PartPage(Paged):
    """One page of parts, newest first."""

    parts: list[PartShape]


class FindingOrder(Order):
    """A defect found on a part after its inspection."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"label": "crack", "place": "final test"}]},
    )

    label: str = Field(min_length=1, max_length=100)
    place: str = Field(default="", max_length=100)
    note: str = Field(default="", max_length=500)
    found_at: datetime | None = None


class ShareShape(Shape):
    """A rate with its exact 95 % interval; null where there is nothing to divide by."""

    count: int
    of: int
    rate: float | None
    low: float | None
    high: float | None


class BarShape(Shape):
    """One bar of a Pareto chart."""

    key: str
    name: str
    parts: int
    bad: int
    share: float = Field(description="of all bad ones, up to and including this bar")


class DayShape(Shape):
    """One day in the project's time zone."""

    day: date
    parts: int
    passed: int
    failed: int
    review: int
    escaped: int
    overkilled: int


class QualityShape(Shape):
    """Figures of quality over a span."""

    since: date
    until: date
    parts: int
    passed: int
    failed: int
    review: int
    escape: ShareShape
    overkill: ShareShape
    defects: list[BarShape]
    lots: list[BarShape]
    stations: list[BarShape]
    days: list[DayShape]
    found_later: list[BarShape]

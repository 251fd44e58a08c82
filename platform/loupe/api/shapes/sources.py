"""Cameras and other HTTP sources."""

import uuid
from datetime import datetime

from pydantic import Field

from loupe.api.shapes.base import Order, Paged, Shape


class SourceOrder(Order):
    """An address that shall be asked for pictures."""

    app: str = Field(max_length=50)
    name: str = Field(max_length=100, examples=["Camera 2, left"])
    url: str = Field(max_length=500, examples=["http://10.20.0.14/snapshot.jpg"])
    interval_seconds: int = Field(default=10, description="2 to 86,400")
    model: str = Field(default="", max_length=60, description="empty: the project's default")
    username: str = Field(default="", max_length=100)
    password: str = Field(default="", max_length=200, description="never shown again")
    facts: dict[str, str] = Field(
        default_factory=dict, description="said of every picture, by the app's facts"
    )
    enabled: bool = True


class SourceChange(Order):
    """What of a source shall change; fields left out stay."""

    name: str | None = Field(default=None, max_length=100)
    url: str | None = Field(
        default=None, max_length=500, description="a new host forgets the password"
    )
    interval_seconds: int | None = None
    model: str | None = Field(default=None, max_length=60)
    username: str | None = Field(default=None, max_length=100)
    password: str | None = Field(default=None, max_length=200)
    facts: dict[str, str] | None = None
    enabled: bool | None = None


class SourceShape(Shape):
    """A camera or another address that is asked at an interval."""

    id: uuid.UUID
    project: str
    app: str
    name: str
    url: str
    username: str
    has_password: bool
    model: str
    facts: dict[str, str]
    interval_seconds: int
    enabled: bool
    next_at: datetime | None = Field(description="when it is asked next; null while switched off")
    asked_at: datetime | None
    taken_at: datetime | None = Field(description="when a picture was last submitted")
    taken: int = Field(description="pictures submitted")
    unchanged: int = Field(description="answers that were not new")
    failures: int = Field(description="in a row; they slow asking down")
    last_job: uuid.UUID | None
    error: str
    note: str
    created_at: datetime


class SourcePage(Paged):
    """One page of sources."""

    sources: list[SourceShape]


class SourceTried(Shape):
    """What a source gave when it was tried out."""

    media_type: str = Field(description="by its content")
    size: int = Field(description="bytes")
    elapsed_ms: float
    usable: bool = Field(description="whether the app takes such files")

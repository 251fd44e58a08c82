"""Schedules and their history."""

import uuid
from datetime import datetime

from pydantic import Field

from loupe.api.shapes.base import JsonObject, Order, Paged, Shape


class ScheduleOrder(Order):
    """A timetable entry. Exactly one of `cron` and `interval_seconds`."""

    app: str = Field(max_length=50)
    task: str = Field(default="folder", max_length=50)
    name: str = Field(min_length=1, max_length=100)
    options: JsonObject = Field(default_factory=dict)
    cron: str = Field(default="", max_length=100, examples=["0 2 * * *"])
    interval_seconds: int | None = Field(default=None, ge=1, le=31_536_000)
    time_zone: str = Field(default="UTC", max_length=50)
    skip_if_running: bool = True
    enabled: bool = True


class ScheduleChange(Order):
    """What of a schedule shall change; fields left out stay."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    options: JsonObject | None = None
    cron: str | None = Field(default=None, max_length=100)
    interval_seconds: int | None = Field(default=None, ge=1, le=31_536_000)
    time_zone: str | None = Field(default=None, max_length=50)
    skip_if_running: bool | None = None
    enabled: bool | None = None


class ScheduleShape(Shape):
    """A timetable entry."""

    id: uuid.UUID
    project: str
    app: str
    task: str
    name: str
    options: JsonObject
    cron: str
    interval_seconds: int | None
    time_zone: str
    skip_if_running: bool
    enabled: bool
    next_run: datetime | None = Field(description="null while it is switched off")
    created_at: datetime


class SchedulePage(Paged):
    """One page of schedules."""

    schedules: list[ScheduleShape]


class RunShape(Shape):
    """One time a schedule came due."""

    id: int
    state: str = Field(description="running, done, failed or skipped")
    started_at: datetime
    ended_at: datetime | None
    job: uuid.UUID | None
    outcome: str
    by_hand: bool


class RunPage(Paged):
    """A schedule's history, newest first."""

    runs: list[RunShape]

"""Schedules: list, make, change, run, delete."""

import uuid
from collections.abc import Iterator
from typing import Any

from loupe.api.shapes.schedules import (
    RunPage,
    RunShape,
    ScheduleOrder,
    SchedulePage,
    ScheduleShape,
)
from loupe.client.pages import every
from loupe.client.transport import Transport


class Schedules:
    """The timetable of the key's project."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, app: str = "") -> Iterator[ScheduleShape]:
        """All schedules, newest first."""
        for page in every(self._transport, "schedules", SchedulePage, app=app):
            yield from page.schedules

    def get(self, schedule_id: uuid.UUID) -> ScheduleShape:
        """One schedule."""
        return self._transport.get(f"schedules/{schedule_id}", ScheduleShape)

    def create(self, order: ScheduleOrder) -> ScheduleShape:
        """Put something on the timetable."""
        return self._transport.post("schedules", ScheduleShape, order.model_dump(mode="json"))

    def change(self, schedule_id: uuid.UUID, **fields: Any) -> ScheduleShape:
        """Change the fields that are given."""
        path = f"schedules/{schedule_id}"
        response = self._transport.send("PATCH", path, content=lambda: {"json": fields})
        return ScheduleShape.model_validate_json(response.content)

    def run(self, schedule_id: uuid.UUID) -> RunShape:
        """Run it now."""
        return self._transport.post(f"schedules/{schedule_id}/run", RunShape)

    def runs(self, schedule_id: uuid.UUID) -> Iterator[RunShape]:
        """Its history, newest first."""
        for page in every(self._transport, f"schedules/{schedule_id}/runs", RunPage):
            yield from page.runs

    def delete(self, schedule_id: uuid.UUID) -> None:
        """Take it off the timetable."""
        self._transport.send("DELETE", f"schedules/{schedule_id}")

"""Wake-ups of schedules."""

from typing import Any

from celery import shared_task

from loupe.schedules import running, starting
from loupe.schedules.models import DUE


@shared_task(name=DUE, bind=True)  # type: ignore[untyped-decorator]
def due(self: Any, schedule_id: str, run_id: int | None = None) -> None:
    """Beat (or a person) says that a schedule is due."""
    running.due(schedule_id, self.request.id, run_id)


@shared_task(name="loupe.schedules.settle")  # type: ignore[untyped-decorator]
def settle() -> None:
    """End runs whose job has ended, and give new projects their timetable."""
    starting.begin()
    running.settle()

"""Last night's folder, with the real beat, broker, worker and engine."""

import json
import time
from typing import Any

import pytest

from tests.host.schedules.conftest import drop
from tests.processes import Site, running_site

pytestmark = [pytest.mark.slow, pytest.mark.serial]

PATIENCE_S = 300

SET_UP = """
import django; django.setup()
from loupe.accounts import projects
from loupe.accounts.policy import SYSTEM
from loupe.schedules import services
from loupe.schedules.timing import Timing
project = projects.create(SYSTEM, "line-3", "Line 3")
schedule = services.create(SYSTEM, project, "dummy_app", "folder", "Night",
    Timing(interval_seconds=10), options={"folder": "night"})
print(schedule.pk)
"""
HISTORY = """
import django, json; django.setup()
from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.jobs.models import Result
from loupe.schedules import services
from loupe.schedules.models import Schedule
schedule = Schedule.objects.get(name="Night")
runs = services.history(SYSTEM, schedule).order_by("pk")
print(json.dumps({
    "runs": [[run.state, run.outcome, run.job_id is not None] for run in runs],
    "results": sorted(Result.objects.values_list("item__input__name", flat=True)),
    "channels": sorted(set(Result.objects.values_list("job__submission__channel", flat=True))),
}))
"""


def history_until(site: Site, count: int) -> dict[str, Any]:
    """The history once at least `count` runs with a job have ended."""
    until = time.monotonic() + PATIENCE_S
    while True:
        told: dict[str, Any] = json.loads(site.python(HISTORY))
        ended = [run for run in told["runs"] if run[2] and run[0] in {"done", "failed"}]
        if len(ended) >= count:
            return told
        assert time.monotonic() < until, f"{told}\n{site.last_words()}"
        time.sleep(1)


@pytest.mark.timeout(1200)
def test_a_folder_is_inspected_by_schedule_and_the_history_tells() -> None:
    with running_site() as site:
        night = site.var / "watch" / "night"
        drop(night, "a.json", 3)
        drop(night, "shift 2/b.json", 50)
        site.python(SET_UP)
        told = history_until(site, 1)
        assert told["results"] == ["a.json", "shift 2/b.json"]
        assert told["channels"] == ["schedule"]
        assert ["done", "2 of 2 files inspected, 0 failed, 0 cancelled.", True] in told["runs"]
        drop(night, "c.json", 7)
        told = history_until(site, 2)
        assert told["results"] == ["a.json", "c.json", "shift 2/b.json"]
        assert ["done", "1 of 1 files inspected, 0 failed, 0 cancelled.", True] in told["runs"]

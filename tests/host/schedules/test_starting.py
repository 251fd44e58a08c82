"""Tasks that every project has from the start: given once, with its clock, and let go for good."""

from dataclasses import replace

import pytest

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM, Actor
from loupe.contract.app import DomainApp
from loupe.plugins import registry as apps
from loupe.schedules import running, services, starting
from loupe.schedules.models import Schedule, ScheduleRun
from loupe.schedules.timing import Timing


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> type[DomainApp]:
    """An installed app whose first task is every project's."""
    found = next(app for app in apps.installed() if app.schedules)
    given = (replace(found.schedules[0], from_start=True),)
    for other in apps.installed():
        none = tuple(replace(task, from_start=False) for task in other.schedules)
        monkeypatch.setattr(other, "schedules", given if other is found else none)
    return found


def test_every_project_gets_it_once_with_its_clock(
    app: type[DomainApp], engineer: Actor, project: Project
) -> None:
    Project.objects.filter(pk=project.pk).update(time_zone="Asia/Shanghai")
    assert starting.begin() == 1
    assert starting.begin() == 0
    made = Schedule.objects.get(project=project)
    assert (made.app, made.task) == (app.slug, app.schedules[0].key)
    assert (made.name, made.time_zone) == (app.schedules[0].label.en, "Asia/Shanghai")
    assert made.enabled
    assert services.next_run(made) is not None


def test_what_somebody_deleted_does_not_come_back(
    app: type[DomainApp], engineer: Actor, project: Project
) -> None:
    starting.begin()
    services.delete(engineer, Schedule.objects.get())
    assert starting.begin() == 0
    assert not Schedule.objects.exists()


def test_one_that_was_made_by_hand_stays_the_only_one(
    app: type[DomainApp], engineer: Actor, project: Project
) -> None:
    timing = Timing(cron="5 5 * * *")
    services.create(engineer, project, app.slug, app.schedules[0].key, "Mine", timing)
    assert starting.begin() == 0
    assert Schedule.objects.get().name == "Mine"


def test_a_taken_name_is_no_hindrance(
    app: type[DomainApp], engineer: Actor, project: Project, settings: object
) -> None:
    services.create(
        engineer, project, app.slug, "folder", app.schedules[0].label.en,
        Timing(cron="5 5 * * *"), options={"folder": "night"},
    )  # fmt: skip
    assert starting.begin() == 1
    assert app.schedules[0].key in Schedule.objects.exclude(task="folder").get().name


def test_the_history_keeps_its_newest_runs(
    app: type[DomainApp], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting.begin()
    schedule = Schedule.objects.get()
    monkeypatch.setattr(running, "MOST_RUNS", 3)
    monkeypatch.setattr(running, "load", lambda _name: lambda _project, _options: "done")
    for number in range(6):
        running.due(str(schedule.pk), f"message-{number}")
    kept = list(ScheduleRun.objects.order_by("pk").values_list("message_id", flat=True))
    assert kept == ["message-3", "message-4", "message-5"]
    assert services.history(SYSTEM, schedule).count() == 3

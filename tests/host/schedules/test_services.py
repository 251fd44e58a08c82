"""Schedules and their timetable in django-celery-beat stay one thing."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django_celery_beat.models import PeriodicTask, PeriodicTasks
from pytest_django import Settings

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable
from loupe.schedules import services
from loupe.schedules.errors import InvalidSchedule
from loupe.schedules.models import Schedule, ScheduleRun
from loupe.schedules.timing import Timing

NIGHTLY = Timing(cron="30 2 * * *", time_zone="Europe/Berlin")


def create(actor: Actor, project: Project, **given: Any) -> Schedule:
    wanted: dict[str, Any] = {
        "app": "dummy_app",
        "task": "folder",
        "name": "Night",
        "timing": NIGHTLY,
        "options": {"folder": "night"},
    }
    return services.create(actor, project, **(wanted | given))


def test_a_schedule_becomes_a_periodic_task_in_its_zone(engineer: Actor, project: Project) -> None:
    schedule = create(engineer, project)
    task = PeriodicTask.objects.get()
    assert schedule.periodic_task == task
    assert str(task.crontab.timezone) == "Europe/Berlin"
    assert (task.crontab.minute, task.crontab.hour, task.crontab.day_of_week) == ("30", "2", "*")
    assert json.loads(task.kwargs) == {"schedule_id": str(schedule.pk)}
    assert (task.task, task.enabled) == ("loupe.schedules.due", True)


def test_a_change_reaches_the_timetable_and_wakes_beat(engineer: Actor, project: Project) -> None:
    schedule = create(engineer, project)
    before = PeriodicTasks.last_change()
    services.update(engineer, schedule, timing=Timing(interval_seconds=60), enabled=False)
    task = PeriodicTask.objects.get()
    assert (task.interval.every, task.interval.period) == (60, "seconds")
    assert task.crontab is None
    assert not task.enabled
    assert PeriodicTasks.last_change() > before
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.interval_seconds) == ("", 60)
    assert services.next_run(schedule) is None


def test_a_deleted_schedule_leaves_the_timetable(engineer: Actor, project: Project) -> None:
    services.delete(engineer, create(engineer, project))
    assert not Schedule.objects.exists()
    assert not PeriodicTask.objects.exists()


def test_the_next_run_is_told(engineer: Actor, project: Project) -> None:
    due = services.next_run(create(engineer, project))
    assert due is not None
    assert (due.hour, due.minute, str(due.tzinfo)) == (2, 30, "Europe/Berlin")


def test_every_verb_is_in_the_audit_log(engineer: Actor, project: Project) -> None:
    schedule = create(engineer, project)
    services.set_enabled(engineer, schedule, False)
    services.delete(engineer, schedule)
    told = list(Event.objects.order_by("pk").values_list("action", "actor"))
    verbs = ["schedule.created", "schedule.changed", "schedule.deleted"]
    assert told == [(verb, "user:erik") for verb in verbs]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"task": "nothing"}, "task_unknown"),
        ({"name": " "}, "name_invalid"),
        ({"name": "x" * 101}, "name_invalid"),
        ({"options": {}}, "options_invalid"),
        ({"options": {"folder": "a", "depth": 3}}, "options_invalid"),
        ({"options": {"folder": "../../etc"}}, "folder_outside"),
        ({"options": {"folder": "/etc"}}, "folder_outside"),
        ({"options": {"folder": "a\\..\\b"}}, "folder_outside"),
        ({"app": "nothing"}, "unknown_app"),
    ],
)
def test_what_is_not_allowed_is_refused_and_nothing_is_stored(
    given: dict[str, Any], code: str, engineer: Actor, project: Project
) -> None:
    with pytest.raises(LoupeError) as caught:
        create(engineer, project, **given)
    assert caught.value.code == code
    assert not Schedule.objects.exists()
    assert not PeriodicTask.objects.exists()


def test_two_schedules_of_a_project_have_two_names(engineer: Actor, project: Project) -> None:
    create(engineer, project)
    with pytest.raises(InvalidSchedule, match="'Night' exists"):
        create(engineer, project)
    other = create(engineer, project, name="Day")
    with pytest.raises(InvalidSchedule, match="'Night' exists"):
        services.update(engineer, other, name="Night")


def test_operators_look_and_engineers_change(engineer: Actor, project: Project) -> None:
    schedule = create(engineer, project)
    user = User.objects.create_user("olga")
    Membership.objects.create(project=project, user=user, role=Role.OPERATOR)
    olga = Actor(user=user)
    assert list(services.listing(olga, project)) == [schedule]
    assert list(services.history(olga, schedule)) == []
    for attempt in (
        lambda: create(olga, project, name="Day"),
        lambda: services.update(olga, schedule, enabled=False),
        lambda: services.run_now(olga, schedule),
        lambda: services.delete(olga, schedule),
    ):
        with pytest.raises(Denied):
            attempt()


def test_schedules_of_another_project_do_not_exist(engineer: Actor, project: Project) -> None:
    theirs = Schedule.objects.create(
        project=Project.objects.create(slug="line-4", name="Line 4"),
        app="dummy_app",
        task="folder",
        name="Night",
        cron="0 0 * * *",
    )
    with pytest.raises(NotVisible):
        services.find(engineer, theirs.pk)
    with pytest.raises(NotVisible):
        services.run_now(engineer, theirs)


def test_run_now_without_a_broker_says_so_and_so_does_the_history(
    engineer: Actor, project: Project, settings: Settings, tmp_path: Path
) -> None:
    schedule = create(engineer, project)
    with pytest.raises(TemporarilyUnavailable, match="nothing was started"):
        services.run_now(engineer, schedule)
    run = services.history(engineer, schedule).get()
    assert (run.state, run.by_hand) == (ScheduleRun.State.FAILED, True)
    assert "broker" in run.outcome


def test_what_can_be_scheduled_is_the_folder_and_the_apps_own_tasks() -> None:
    assert services.tasks("dummy_app") == {"folder": "30 2 * * *", "nightly": "0 2 * * *"}

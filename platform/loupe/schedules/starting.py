"""What every project has on its timetable from the start: tasks that apps declare so.

A project is given each of them once; who switches one off or deletes it has it off for good. One
that somebody has put there by hand before stays the only one.
"""

from django.db import transaction

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.contract.extras import AppSchedule
from loupe.plugins import registry as apps
from loupe.schedules import services
from loupe.schedules.models import Schedule, StartedTask
from loupe.schedules.timing import Timing


def begin() -> int:
    """Give every project what it lacks; returns how many schedules were made."""
    wanted = {
        (app.slug, task.key): task
        for app in apps.installed()
        for task in app.schedules
        if task.from_start
    }
    given = set(StartedTask.objects.values_list("project", "app", "task"))
    made = 0
    for project in Project.objects.order_by("pk"):
        for (app, key), task in wanted.items():
            if (project.pk, app, key) not in given:
                made += _give(project, app, task)
    return made


@transaction.atomic
def _give(project: Project, app: str, task: AppSchedule) -> int:
    _row, first = StartedTask.objects.get_or_create(project=project, app=app, task=task.key)
    there = Schedule.objects.filter(project=project, app=app, task=task.key)
    if not first or there.exists():
        return 0
    name = task.label.en[:100]
    if Schedule.objects.filter(project=project, name=name).exists():
        name = f"{task.label.en[:80]} ({app}.{task.key})"[:100]
    timing = Timing(cron=task.default_cron, time_zone=project.time_zone)
    services.create(SYSTEM, project, app, task.key, name, timing)
    return 1

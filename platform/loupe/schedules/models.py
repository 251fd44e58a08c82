"""What runs when. The timetable itself is a django-celery-beat periodic task."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import PeriodicTask

from loupe.accounts.models import Project
from loupe.ids import new_id

DUE = "loupe.schedules.due"
"""The task that beat, or a person, sends where a schedule is due."""


class Schedule(models.Model):
    """A project's timetable entry: inspect a folder, or run one of an app's own tasks."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="schedules")
    app = models.CharField(max_length=50)
    task = models.CharField(max_length=50, help_text="'folder', or the key of an AppSchedule")
    name = models.CharField(max_length=100)
    options = models.JSONField(default=dict)
    cron = models.CharField(max_length=100, blank=True, help_text="five fields")
    interval_seconds = models.PositiveIntegerField(null=True)
    time_zone = models.CharField(max_length=50, default="UTC")
    skip_if_running = models.BooleanField(default=True)
    enabled = models.BooleanField(default=True)
    periodic_task = models.OneToOneField(
        PeriodicTask, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(cron="") ^ models.Q(interval_seconds__isnull=True),
                name="schedule_has_cron_or_interval",
            ),
            models.UniqueConstraint(fields=["project", "name"], name="schedule_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name


class StartedTask(models.Model):
    """That a project was given one of an app's tasks from the start, so that it is given once."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    app = models.CharField(max_length=50)
    task = models.CharField(max_length=50)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "app", "task"], name="task_started_once")
        ]

    def __str__(self) -> str:
        return f"{self.project_id} {self.app} {self.task}"


class ScheduleRun(models.Model):
    """One time a schedule came due."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        SKIPPED = "skipped", _("Skipped")

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=10, choices=State.choices)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    job_id = models.UUIDField(null=True, help_text="the job it started, if it did")
    outcome = models.TextField(blank=True, help_text="one sentence")
    by_hand = models.BooleanField(default=False)
    message_id = models.CharField(  # noqa: DJ001  (several runs by hand have none)
        max_length=64, null=True, unique=True, help_text="of the wake-up, so that it counts once"
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["schedule", "-id"])]

    def __str__(self) -> str:
        return f"{self.schedule} {self.started_at:%F %T}"


class SeenFile(models.Model):
    """A file of a scheduled folder that was sent, so that "only new files" skips it."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="seen_files")
    name = models.CharField(max_length=500)
    size = models.BigIntegerField(help_text="bytes")
    modified_ns = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["schedule", "name", "size", "modified_ns"], name="scheduled_file_seen_once"
            )
        ]

    def __str__(self) -> str:
        return self.name

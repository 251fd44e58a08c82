"""Schedules and their history for operators: to read."""

from django.contrib import admin

from loupe.audit.admin import ReadOnlyAdmin
from loupe.schedules.models import Schedule, ScheduleRun


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "app", "task", "cron", "interval_seconds", "enabled")
    list_filter = ("enabled", "project")
    list_select_related = ("project",)


@admin.register(ScheduleRun)
class ScheduleRunAdmin(ReadOnlyAdmin):
    list_display = ("schedule", "state", "started_at", "ended_at", "outcome", "by_hand")
    list_filter = ("state",)
    list_select_related = ("schedule",)

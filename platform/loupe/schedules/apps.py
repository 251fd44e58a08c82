"""Django's view of `loupe.schedules`."""

from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    name = "loupe.schedules"
    label = "schedules"

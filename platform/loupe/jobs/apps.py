"""Django's view of `loupe.jobs`."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "loupe.jobs"
    label = "jobs"

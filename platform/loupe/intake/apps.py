"""Django's view of `loupe.intake`."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "loupe.intake"
    label = "intake"

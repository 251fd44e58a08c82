"""Django's view of `loupe.changes`."""

from django.apps import AppConfig


class ChangesConfig(AppConfig):
    name = "loupe.changes"
    label = "changes"

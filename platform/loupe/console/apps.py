"""Django's view of `loupe.console`."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "loupe.console"
    label = "console"

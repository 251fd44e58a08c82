"""Django's view of `loupe.supervisor`."""

from django.apps import AppConfig


class SupervisorConfig(AppConfig):
    name = "loupe.supervisor"
    label = "supervisor"

"""Django's view of `loupe.monitoring`."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "loupe.monitoring"
    label = "monitoring"

"""The AppConfig base an app derives its own from."""

from django.apps import AppConfig


class DomainAppConfig(AppConfig):
    """Marks a Django app as a Loupe app; ``loupe.plugins`` checks each entry point names one."""

"""Django's view of `loupe.plugins`: fills and closes the registry at start."""

from django.apps import AppConfig

from loupe.plugins import registry
from loupe.plugins.checks.register import register_checks


class PluginsConfig(AppConfig):
    name = "loupe.plugins"
    label = "plugins"

    def ready(self) -> None:
        registry.fill()
        register_checks()

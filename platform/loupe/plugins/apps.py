"""Django's view of `loupe.plugins`."""

from django.apps import AppConfig


class PluginsConfig(AppConfig):
    name = "loupe.plugins"
    label = "plugins"

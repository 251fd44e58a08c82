"""Django's view of `loupe.sources`."""

from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "loupe.sources"
    label = "sources"

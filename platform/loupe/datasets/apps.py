"""Django's view of `loupe.datasets`."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "loupe.datasets"
    label = "datasets"

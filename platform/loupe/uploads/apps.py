"""Django's view of `loupe.uploads`."""

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    name = "loupe.uploads"
    label = "uploads"

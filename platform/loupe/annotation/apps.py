"""Django's view of `loupe.annotation`."""

from django.apps import AppConfig


class AnnotationConfig(AppConfig):
    name = "loupe.annotation"
    label = "annotation"

"""Django's view of `loupe.training`."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "loupe.training"
    label = "training"

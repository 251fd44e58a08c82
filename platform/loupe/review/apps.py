"""Django's view of `loupe.review`."""

from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "loupe.review"
    label = "review"

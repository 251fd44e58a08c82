"""Django's view of `loupe.testing`; installed by the test settings only."""

from django.apps import AppConfig


class TestingConfig(AppConfig):
    name = "loupe.testing"
    label = "testing"

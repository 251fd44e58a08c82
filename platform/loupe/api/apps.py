"""Django's view of `loupe.api`."""

from importlib import import_module

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "loupe.api"
    label = "api"

    def ready(self) -> None:
        # Registers itself with drf-spectacular, which must not be imported before models are.
        import_module("loupe.api.security")

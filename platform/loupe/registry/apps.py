"""Django's view of `loupe.registry`."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "loupe.registry"
    label = "registry"

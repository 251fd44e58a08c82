"""Django's view of `loupe.delivery`."""

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "loupe.delivery"
    label = "delivery"

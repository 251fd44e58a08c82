"""Django's view of the probe."""

from loupe.contract.django import DomainAppConfig


class Config(DomainAppConfig):
    name = "chained_probe"
    label = "chained_probe"
    default_auto_field = "django.db.models.BigAutoField"

"""Django's view of the probe."""

from loupe.contract.django import DomainAppConfig


class Config(DomainAppConfig):
    name = "dummy_app"
    label = "dummy_app"

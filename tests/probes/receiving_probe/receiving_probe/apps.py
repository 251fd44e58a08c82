"""Django's view of the probe."""

from loupe.contract.django import DomainAppConfig


class Config(DomainAppConfig):
    name = "receiving_probe"
    label = "receiving_probe"

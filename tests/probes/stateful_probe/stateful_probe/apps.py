"""Django's view of the probe."""

from loupe.contract.django import DomainAppConfig


class Config(DomainAppConfig):
    name = "stateful_probe"
    label = "stateful_probe"

"""Django's view of the probe."""

from loupe.contract.django import DomainAppConfig


class Config(DomainAppConfig):
    name = "heavy_probe"
    label = "heavy_probe"

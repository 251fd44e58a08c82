"""Django's view of the fraud app."""

from loupe.contract.django import DomainAppConfig


class FraudConfig(DomainAppConfig):
    name = "apps.fraud"
    label = "fraud"

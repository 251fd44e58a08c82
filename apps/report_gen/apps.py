"""Django's view of the report app."""

from loupe.contract.django import DomainAppConfig


class ReportGenConfig(DomainAppConfig):
    name = "apps.report_gen"
    label = "report_gen"

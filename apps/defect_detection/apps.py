"""Django's view of the defect detection app."""

from loupe.contract.django import DomainAppConfig


class DefectDetectionConfig(DomainAppConfig):
    name = "apps.defect_detection"
    label = "defect_detection"

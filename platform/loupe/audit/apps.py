"""Django's view of `loupe.audit`."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "loupe.audit"
    label = "audit"

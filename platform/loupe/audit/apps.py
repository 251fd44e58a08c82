"""Django's view of `loupe.audit`."""

from django.apps import AppConfig

from loupe.contract.runtime.steps import load


class AuditConfig(AppConfig):
    name = "loupe.audit"
    label = "audit"

    def ready(self) -> None:
        # By name: the libraries' signals live beside models, which exist only from here on.
        load("loupe.audit.sign_in:connect")()

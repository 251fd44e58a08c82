"""Explanations of alerts: made by a worker where somebody asked, kept for good."""

from typing import ClassVar

from django.db import models

from apps.fraud.models.alerts import Alert
from apps.fraud.models.leased import Leased
from loupe.host.models import ModelVersion


class AlertExplanation(Leased):
    """Why one transaction of an alert scored as it did, by the model that scored it."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="explanations")
    transaction = models.CharField(max_length=256)
    result = models.BigIntegerField(help_text="the host's id of the result")
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    told = models.JSONField(null=True, help_text="`apps.fraud.explaining.telling.Told`")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["alert", "transaction", "version"], name="fraud_explained_once"
            )
        ]

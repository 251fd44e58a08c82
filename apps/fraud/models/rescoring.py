"""What the model that decides says of an open alert, night by night."""

from typing import ClassVar

from django.db import models

from apps.fraud.models.alerts import Alert
from loupe.host.models import ModelVersion


class AlertScore(models.Model):
    """An alert's transactions scored once more: the highest score of one night."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="scores")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    score = models.FloatField(help_text="the highest of its transactions")
    hits = models.PositiveIntegerField(help_text="transactions that were scored")
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["alert", "-at"], name="fraud_alert_scores")]

    def __str__(self) -> str:
        return f"{self.score:.3f}"

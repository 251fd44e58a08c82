"""What a project decides by: versions of its rules, fits of its thresholds, rates of exchange."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from loupe.host.models import ModelVersion
from loupe.host.people import Project


class RuleSet(models.Model):
    """One numbered set of rules; a change is a new version, never an edit. The newest is what
    people edit; an operating point says which version decides."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    data = models.JSONField(help_text="a list of `apps.fraud.schema.Rule`, in order")
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    who = models.CharField(max_length=160, help_text="who made it, as the audit log says")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="fraud_rules_number")
        ]

    def __str__(self) -> str:
        return f"rules {self.number}"


class ThresholdFit(models.Model):
    """One proposal of thresholds with its certificate; it decides nothing until it is used."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    rows = models.PositiveIntegerField(help_text="scored transactions that were looked at")
    bands = models.JSONField(help_text="`apps.fraud.schema.Band`s that are proposed")
    certificate = models.JSONField(help_text="`apps.fraud.thresholds.asked.BudgetCertificate`")
    curve = models.JSONField(help_text="`apps.fraud.policy.curve.Curve`")
    who = models.CharField(max_length=160)
    created_at = models.DateTimeField(auto_now_add=True)
    used_as = models.PositiveIntegerField(
        null=True, help_text="the number of the operating point that was made of it"
    )

    def __str__(self) -> str:
        return f"fit {self.pk}"


class ExchangeRate(models.Model):
    """From a moment on, one unit of a currency is worth so much in the project's currency."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    currency = models.CharField(max_length=3, help_text="ISO 4217")
    from_ms = models.BigIntegerField(help_text="milliseconds since 1970, UTC")
    rate = models.CharField(max_length=30, help_text="a decimal, exactly as it was given")
    base = models.CharField(max_length=3, help_text="the project's currency when it was told")
    who = models.CharField(max_length=160)
    told_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "base", "currency", "from_ms"], name="fraud_rate_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.rate}"

"""Alerts: something that a person should look at, one per entity or ring while it is open."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.fraud.models.cases import Case
from loupe.host.people import Project


class AlertState(models.TextChoices):
    """Where an alert stands."""

    OPEN = "open", _("Open")
    IN_CASE = "in_case", _("In a case")
    CLOSED = "closed", _("Closed")


class AlertKind(models.TextChoices):
    """What an alert is about."""

    TRANSACTION = "transaction", _("Transactions")
    RING = "ring", _("Ring")


class Disposition(models.TextChoices):
    """What it turned out to be."""

    FRAUD = "fraud", _("Fraud")
    HONEST = "honest", _("Honest")
    UNKNOWN = "unknown", _("Unknown")


class Alert(models.Model):
    """One alert. While it is not closed, further hits on the same entity or ring join it.

    `entity_type` and `entity_key` name the payer; of a ring the type is ``ring`` and the key the
    ring's. Money is in minor units of the project's currency, event times in milliseconds UTC.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=AlertKind.choices)
    entity_type = models.CharField(max_length=30)
    entity_key = models.CharField(max_length=256)
    entity = models.UUIDField(help_text="`services.naming.entity_id` of type and key")
    state = models.CharField(max_length=8, choices=AlertState.choices, default=AlertState.OPEN)
    case = models.ForeignKey(Case, on_delete=models.SET_NULL, null=True, related_name="alerts")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    hits = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=20, help_text="the strictest of its hits")
    score = models.FloatField(help_text="the highest of its hits")
    amount = models.BigIntegerField(default=0, help_text="of all hits, minor units")
    label = models.CharField(max_length=100, blank=True, help_text="the reason that leads")
    reasons = models.JSONField(default=list, help_text="of the hit that weighs most")
    ring = models.JSONField(default=dict, help_text="members and links, of a ring")
    first_ms = models.BigIntegerField()
    last_ms = models.BigIntegerField()
    disposition = models.CharField(max_length=8, choices=Disposition.choices, blank=True)
    raised_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=160, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "entity"],
                condition=~models.Q(state="closed"),
                name="fraud_one_alert_an_entity",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "state", "-score", "-id"], name="fraud_alert_by_score"),
            models.Index(
                fields=["project", "state", "-amount", "-id"], name="fraud_alert_by_amount"
            ),
            models.Index(
                fields=["project", "state", "-changed_at", "-id"], name="fraud_alert_newest"
            ),
            models.Index(fields=["project", "entity"], name="fraud_alert_of_entity"),
            models.Index(fields=["project", "entity_key"], name="fraud_alert_by_key"),
        ]

    def __str__(self) -> str:
        return f"{self.entity_type} {self.entity_key}"


class AlertHit(models.Model):
    """One transaction of an alert, with what decided about it, frozen."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="transactions")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    transaction = models.CharField(max_length=256)
    result = models.BigIntegerField(null=True, help_text="the host's id of the result")
    event_ms = models.BigIntegerField()
    amount = models.BigIntegerField()
    amount_original = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    outcome = models.CharField(max_length=20)
    score = models.FloatField()
    label = models.CharField(max_length=100, blank=True)
    reasons = models.JSONField(default=list)
    entities = models.JSONField(default=dict)
    attributes = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "transaction"], name="fraud_transaction_alerts_once"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["alert", "-event_ms"], name="fraud_hit_newest")]

    def __str__(self) -> str:
        return self.transaction

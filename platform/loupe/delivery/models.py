"""Webhooks, what is on its way to them, and every attempt."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.accounts.models import Project
from loupe.changes.models import Change
from loupe.ids import new_id


class Webhook(models.Model):
    """Where a project wants its changes posted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    url = models.URLField(max_length=500)
    kinds = models.JSONField(default=list, help_text="kinds of change; empty: all")
    secret = models.CharField(max_length=100, help_text="shown once; signs each delivery")
    enabled = models.BooleanField(default=True)
    cursor = models.BigIntegerField(default=0, help_text="the last change made into a delivery")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One change on its way to one webhook, until it arrives or is given up."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        DELIVERED = "delivered", _("Delivered")
        GIVEN_UP = "given_up", _("Given up")
        DISCARDED = "discarded", _("Put aside")

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    next_attempt_at = models.DateTimeField()
    give_up_at = models.DateTimeField(help_text="no attempt is made after this time")
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["webhook", "change"], name="delivered_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(state="pending"),
                name="deliveries_pending",
            ),
            models.Index(fields=["webhook", "state", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.change_id} → {self.webhook_id}"


class Attempt(models.Model):
    """One try of a delivery."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status, if one came")
    error = models.CharField(max_length=300, blank=True)
    elapsed_ms = models.FloatField()

    def __str__(self) -> str:
        return str(self.status or self.error)

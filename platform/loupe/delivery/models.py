"""What leaves Loupe by itself: webhooks with their attempts, and the changes feed."""

from typing import ClassVar

from django.db import models

from loupe.accounts.models import Project
from loupe.ids import new_id


class Change(models.Model):
    """One line of the changes feed; `id` is the cursor and only ever grows."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40, help_text="e.g. job.done, result.decided")
    subject = models.CharField(max_length=60, help_text="the id of what changed")
    data = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["project", "id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Webhook(models.Model):
    """Where a project wants its changes posted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    url = models.URLField(max_length=500)
    kinds = models.JSONField(default=list, help_text="kinds of change; empty: all")
    secret = models.CharField(max_length=100, help_text="shown once; signs each delivery")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One change on its way to one webhook, until it arrives or is given up."""

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        GIVEN_UP = "given_up"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    next_attempt_at = models.DateTimeField()
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
            )
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

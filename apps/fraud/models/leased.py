"""What work in turns has: where it stands, who holds it, and why it ended."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.host.people import Project
from loupe.host.results import new_id


class WorkState(models.TextChoices):
    """Where a piece of work stands."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


UNENDED = (WorkState.QUEUED, WorkState.RUNNING)


class Leased(models.Model):
    """Work that goes on turn by turn under a lease: see `apps.fraud.services.leasing`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=WorkState.choices, default=WorkState.QUEUED)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="workers that were lost")
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True)
    who = models.CharField(max_length=160)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        indexes: ClassVar = []

    def __str__(self) -> str:
        return str(self.pk)

"""Cases: alerts that somebody works on together, with everything that was said and done."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.host.blobs import Blob
from loupe.host.people import Project


class CaseState(models.TextChoices):
    """Whether there is work left."""

    OPEN = "open", _("Open")
    CLOSED = "closed", _("Closed")


class Case(models.Model):
    """One case; `number` is what people call it. Money is in minor units."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=CaseState.choices, default=CaseState.OPEN)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    amount = models.BigIntegerField(default=0, help_text="of all its alerts")
    disposition = models.CharField(max_length=8, blank=True, help_text="fraud, honest or unknown")
    opened_by = models.CharField(max_length=160)
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="fraud_case_number")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["project", "state", "-changed_at", "-id"], name="fraud_case_newest"
            ),
            models.Index(fields=["assignee", "state"], name="fraud_case_inbox"),
        ]

    def __str__(self) -> str:
        return f"{self.number} · {self.title}"


class EventKind(models.TextChoices):
    """What can happen to a case."""

    OPENED = "opened", _("opened the case")
    ALERTS = "alerts", _("added alerts")
    ASSIGNED = "assigned", _("assigned it")
    HANDED_OVER = "handed_over", _("handed it over")
    NOTE = "note", _("noted")
    ATTACHED = "attached", _("attached a file")
    CLOSED = "closed", _("closed it")
    REOPENED = "reopened", _("opened it again")


class CaseEvent(models.Model):
    """One line of a case's history; never changed, never removed."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=12, choices=EventKind.choices)
    who = models.CharField(max_length=160, help_text="user:NAME, key:PREFIX or system")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["case", "id"], name="fraud_case_history")]

    def __str__(self) -> str:
        return self.kind


class Attachment(models.Model):
    """A file that belongs to a case."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="attachments")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    who = models.CharField(max_length=160)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

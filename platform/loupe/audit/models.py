"""Append-only events, each chained to the one before by hash."""

from typing import ClassVar

from django.db import models


class Event(models.Model):
    """One thing that happened. Rows are never changed or deleted; `loupe.audit.services` writes
    them and database triggers refuse anything else."""

    # Named by string: accounts writes events too, so this package knows nothing of it.
    project = models.ForeignKey(
        "accounts.Project", on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField()
    actor = models.CharField(max_length=200, help_text="user:NAME, key:PREFIX or system")
    action = models.CharField(max_length=60, help_text="noun.verb, e.g. review.given")
    subject = models.CharField(max_length=200, help_text="kind:id of what it happened to")
    details = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["project", "-id"])]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"

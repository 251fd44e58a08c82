"""What the live service still has to be told."""

from typing import ClassVar

from django.db import models

from loupe.host.people import Project
from loupe.host.results import new_id


class Telling(models.Model):
    """One request to the live service, written with what it tells of and sent until answered.

    The id goes along as the request's: the service answers a repeated one without doing it again.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, help_text="list or labels")
    body = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    tries = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    refused = models.JSONField(
        default=list, help_text="row, code and why of each label that was set aside"
    )
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["project", "created_at", "id"],
                condition=models.Q(answered_at=None),
                name="fraud_telling_open",
            ),
            models.Index(
                fields=["project", "-created_at"],
                condition=models.Q(answered_at__isnull=False) & ~models.Q(error=""),
                name="fraud_telling_set_aside",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

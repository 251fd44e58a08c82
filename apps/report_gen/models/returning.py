"""Signed versions on their way to the outbox of the nodes that a study came from."""

from typing import ClassVar

from django.db import models

from apps.report_gen.models.clinical import SendingState
from apps.report_gen.models.study import Study
from loupe.host.people import Project
from loupe.host.results import new_id


class ReportReturn(models.Model):
    """SR and SEG of a signed version are to be made and put into the outbox.

    Written with the signature itself, so that neither a kill nor a broker that is away loses it.
    `next_at` is a lease while somebody works on it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="returns")
    version = models.PositiveIntegerField(help_text="the number of the signed version")
    state = models.CharField(
        max_length=10, choices=SendingState.choices, default=SendingState.WAITING
    )
    tries = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    error_code = models.CharField(max_length=50, blank=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "version"], name="report_return_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], condition=models.Q(state="waiting"), name="report_return_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.study_id} v{self.version}"

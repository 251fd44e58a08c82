"""Operating points that were fitted without being asked for, and wait for a person."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.host.evaluations import Evaluation
from loupe.host.models import ModelVersion, OperatingPoint
from loupe.host.people import Project


class ProposalState(models.TextChoices):
    OPEN = "open", _("Waits for a person")
    ACCEPTED = "accepted", _("Accepted")
    DISMISSED = "dismissed", _("Dismissed")


class PointProposal(models.Model):
    """What would keep a promise with the scores of one evaluation. It decides nothing by itself.

    Either `point` and `certificate` say what was fitted, or `error_code` and `error` why nothing
    could be.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="+")
    scope = models.CharField(max_length=100, blank=True, help_text="a product's key; empty: rest")
    rules = models.ForeignKey(
        OperatingPoint,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="the version's point whose rules it was fitted under; another one makes it stale",
    )
    promise = models.JSONField(help_text="an `operating.limits.Promise`")
    promised_by = models.ForeignKey(
        OperatingPoint,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="the point whose certificate made the promise; none: it is assumed",
    )
    point = models.JSONField(null=True)
    certificate = models.JSONField(null=True)
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True)
    state = models.CharField(
        max_length=10, choices=ProposalState.choices, default=ProposalState.OPEN
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["evaluation", "scope"], name="point_proposal_unique")
        ]

    def __str__(self) -> str:
        return f"{self.model_version} {self.scope}".strip()

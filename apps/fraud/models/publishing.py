"""Requests to publish, with their evidence, and what a second person said."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.fraud.models.backtests import Backtest, PointDraft
from apps.fraud.models.shadows import Shadow
from loupe.host.models import ModelVersion, OperatingPoint
from loupe.host.people import Project
from loupe.host.promotions import PromotionRequest


class Publication(models.Model):
    """A wish that a model version or an operating point decides, and what became of it.

    A version's wish is the host's `PromotionRequest`, with the evidence beside it here; a point's
    wish stands here alone.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for a second person")
        APPROVED = "approved", _("Approved")
        DECLINED = "declined", _("Declined")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    draft = models.ForeignKey(PointDraft, on_delete=models.PROTECT, null=True, related_name="+")
    promotion = models.OneToOneField(
        PromotionRequest, on_delete=models.CASCADE, null=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=500)
    backtest = models.ForeignKey(Backtest, on_delete=models.PROTECT, null=True, related_name="+")
    shadow = models.ForeignKey(Shadow, on_delete=models.PROTECT, null=True, related_name="+")
    evidence = models.JSONField(default=dict, help_text="the figures as they were when asked")
    made = models.ForeignKey(
        OperatingPoint, on_delete=models.SET_NULL, null=True, related_name="+",
        help_text="the operating point that came of it",
    )  # fmt: skip
    restored = models.ForeignKey(
        OperatingPoint, on_delete=models.SET_NULL, null=True, related_name="+",
        help_text="of a roll back: the point whose content decides again",
    )  # fmt: skip
    rolls_back = models.BooleanField(default=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    requested_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    comment = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["draft"],
                condition=models.Q(state="waiting"),
                name="fraud_one_wish_a_draft",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="fraud_published")]

    def __str__(self) -> str:
        return f"{self.version}: {self.state}"

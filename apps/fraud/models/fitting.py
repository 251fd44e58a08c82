"""Thresholds being fitted: work in turns, whose fruit is a proposal."""

from typing import ClassVar

from django.db import models

from apps.fraud.models.leased import Leased
from apps.fraud.models.policy import ThresholdFit
from loupe.host.models import ModelVersion


class ThresholdRun(Leased):
    """What was asked of thresholds, how far the scored transactions are read, and what came of it.

    Everything it fits on is frozen here: what is asked, the model, its point, the blocks.
    """

    asked = models.JSONField(help_text="`apps.fraud.thresholds.asked.Asked`")
    silent = models.BooleanField(
        default=False, help_text="old transactions that nobody spoke of count as legitimate"
    )
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    point = models.JSONField(help_text="the `OperatingPoint` whose rules go on")
    blocks = models.JSONField(null=True, help_text="the blocks to read, oldest first")
    done = models.PositiveIntegerField(default=0, help_text="blocks that are read")
    rows = models.PositiveIntegerField(default=0, help_text="scored transactions so far")
    honest = models.PositiveIntegerField(default=0, help_text="of these, known to be legitimate")
    fraud = models.PositiveIntegerField(default=0, help_text="of these, known to be fraud")
    missing = models.PositiveIntegerField(
        default=0, help_text="legitimate rows that are missing at least; 0: a proposal was made"
    )
    proposal = models.OneToOneField(
        ThresholdFit, on_delete=models.SET_NULL, null=True, related_name="run"
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "-created_at"], name="fraud_fitting_newest")
        ]

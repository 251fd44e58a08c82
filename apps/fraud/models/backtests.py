"""Backtests, the prices they count with, and points that nobody has published yet."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.fraud.models.leased import UNENDED, Leased, WorkState
from loupe.host.models import ModelVersion, OperatingPoint
from loupe.host.people import Project

__all__ = ["UNENDED", "Backtest", "BacktestState", "PointDraft", "PriceVersion"]


class PriceVersion(models.Model):
    """One numbered set of prices; a change is a new version, never an edit. The newest counts."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    data = models.JSONField(help_text="`apps.fraud.operating.prices.Prices`")
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="fraud_prices_number")
        ]

    def __str__(self) -> str:
        return f"prices {self.number}"


class PointDraft(models.Model):
    """An operating point that decides nothing: to be tried, shadowed and published."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    data = models.JSONField(help_text="`apps.fraud.schema.OperatingPoint`, complete")
    certificate = models.JSONField(null=True, help_text="how it was fitted; null: by hand")
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="fraud_draft_number")
        ]

    def __str__(self) -> str:
        return f"draft {self.number}"


BacktestState = WorkState


class Backtest(Leased):
    """What a candidate would have done on past transactions, beside what production did.

    Everything it counts with is frozen here: the point, the prices, the champion's rules.
    """

    job_id = models.UUIDField(null=True, help_text="of the uploaded table; null: a period")
    first_ms = models.BigIntegerField(null=True, help_text="of a period, by event time")
    stop_ms = models.BigIntegerField(null=True, help_text="where the period ends, exclusive")
    silent_honest = models.BooleanField(
        default=False, help_text="old transactions that nobody spoke of count as honest"
    )
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    draft = models.ForeignKey(PointDraft, on_delete=models.SET_NULL, null=True, related_name="+")
    operating_point = models.ForeignKey(
        OperatingPoint, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    point = models.JSONField(help_text="the candidate's `OperatingPoint`")
    champion = models.JSONField(help_text="production's `OperatingPoint`, for the names of rules")
    champion_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, null=True, related_name="+"
    )
    prices = models.JSONField()
    assumed = models.BooleanField(help_text="whether the prices are assumptions of ours")
    currency = models.CharField(max_length=3)
    blocks = models.JSONField(null=True, help_text="the blocks to read, oldest first")
    done = models.PositiveIntegerField(default=0, help_text="blocks that are read")
    rows = models.PositiveIntegerField(default=0, help_text="transactions taken so far")
    left_out = models.PositiveIntegerField(
        default=0, help_text="blocks the candidate cannot score, e.g. for lack of a feature"
    )
    left_out_why = models.TextField(blank=True, help_text="of the last of them")
    result = models.JSONField(null=True, help_text="`apps.fraud.operating.compare.Comparison`")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "-created_at"], name="fraud_backtest_newest"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(ended_at=None),
                name="fraud_backtest_open",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

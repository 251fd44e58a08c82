"""Shadow runs: a challenger decides what production decided, and nothing comes of it."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.fraud.models.backtests import PointDraft
from loupe.host.blobs import Blob
from loupe.host.models import ModelVersion
from loupe.host.people import Project


class Shadow(models.Model):
    """One challenger on live traffic, from a moment until somebody ends it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    draft = models.ForeignKey(PointDraft, on_delete=models.SET_NULL, null=True, related_name="+")
    point = models.JSONField(help_text="the challenger's `OperatingPoint`, frozen")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    who = models.CharField(max_length=160)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    first_block = models.BigIntegerField(help_text="blocks above this one are shadowed")
    cursor = models.BigIntegerField(help_text="the last block that was dealt with")
    rows = models.PositiveBigIntegerField(default=0)
    same = models.PositiveBigIntegerField(default=0, help_text="rows of the same outcome")
    skipped = models.PositiveIntegerField(default=0, help_text="blocks it could not decide")
    matrix = models.JSONField(default=dict, help_text="champion>challenger: [rows, minor units]")
    worked_at = models.DateTimeField(null=True, help_text="when a block was last dealt with")
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True, help_text="of the newest block that was skipped")
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project"],
                condition=models.Q(ended_at=None),
                name="fraud_one_shadow",
            )
        ]

    def __str__(self) -> str:
        return f"shadow {self.pk}"


class ShadowBlock(models.Model):
    """The challenger's decisions on one block of results, row by row, as a Parquet file."""

    shadow = models.ForeignKey(Shadow, on_delete=models.CASCADE, related_name="blocks")
    block = models.BigIntegerField(help_text="the host's result block")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    rows = models.PositiveIntegerField()
    same = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shadow", "block"], name="fraud_shadow_block")
        ]

    def __str__(self) -> str:
        return f"shadow {self.shadow_id}, block {self.block}"


class ShadowDifference(models.Model):
    """One transaction that the challenger would have treated otherwise."""

    shadow = models.ForeignKey(Shadow, on_delete=models.CASCADE, related_name="differences")
    transaction = models.CharField(max_length=256)
    result = models.BigIntegerField(help_text="id of the result")
    event_ms = models.BigIntegerField()
    amount = models.BigIntegerField(help_text="minor units")
    champion = models.CharField(max_length=8)
    challenger = models.CharField(max_length=8)
    champion_score = models.FloatField(null=True)
    challenger_score = models.FloatField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shadow", "result"], name="fraud_shadow_difference_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["shadow", "-id"], name="fraud_shadow_newest"),
            models.Index(fields=["shadow", "champion", "challenger", "-id"], name="fraud_moved"),
        ]

    def __str__(self) -> str:
        return f"{self.transaction}: {self.champion} → {self.challenger}"

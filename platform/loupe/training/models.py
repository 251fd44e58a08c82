"""Trainings and evaluations: leased rows, their live figures, and what they found.

States of a run: queued → running → done | failed | cancelled;  failed, cancelled → queued (resume)
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.accounts.models import Project
from loupe.blobs.models import Blob
from loupe.datasets.models import DatasetVersion
from loupe.ids import new_id
from loupe.registry.models import ModelVersion


class RunState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class RunKind(models.TextChoices):
    TRAIN = "train", _("Training")
    EVALUATE = "evaluate", _("Evaluation")


class Run(models.Model):
    """Minutes to hours of work on one dataset version, done by a supervised child."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    app = models.CharField(max_length=50)
    kind = models.CharField(max_length=10, choices=RunKind.choices)
    model_name = models.SlugField(max_length=60, help_text="the model a new version is added to")
    dataset_version = models.ForeignKey(
        DatasetVersion, on_delete=models.PROTECT, related_name="runs"
    )
    base = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="what training starts from, or what is evaluated",
    )
    config = models.JSONField(help_text="validated by the app's training config schema")
    seed = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    progress = models.FloatField(default=0, help_text="0 to 1")
    note = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    losses = models.PositiveSmallIntegerField(
        default=0, help_text="children and trainers that died over it since it last got further"
    )
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True, help_text="waits until then; the note says why")
    device = models.CharField(
        max_length=20, blank=True, help_text="what it runs on, or ran on last"
    )
    log = models.TextField(blank=True, help_text="the end of what its child printed")
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True)
    version = models.ForeignKey(
        ModelVersion, on_delete=models.SET_NULL, null=True, related_name="+", help_text="what came"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "app", "-created_at"]),
            models.Index(fields=["state", "created_at"], name="runs_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.model_name}"


class RunMetrics(models.Model):
    """Figures a run reported at one step (an epoch)."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metrics")
    step = models.PositiveIntegerField()
    values = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "step"], name="run_step_unique")
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.step}"


class Evaluation(models.Model):
    """What one artefact of a version scored on one dataset version."""

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="evaluations"
    )
    dataset_version = models.ForeignKey(
        DatasetVersion, on_delete=models.PROTECT, related_name="evaluations"
    )
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="evaluations")
    artefact = models.CharField(
        max_length=20, help_text="the runtime: torch, onnx or int8, as the app names it"
    )
    serving = models.BooleanField(default=True, help_text="of the runtime that serves the version")
    panel = models.JSONField(help_text="a loupe.contract.runtime.panel.Panel")
    predictions = models.ForeignKey(
        Blob,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="every record's scores, from which operating points are fitted",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["model_version", "-id"])]

    def __str__(self) -> str:
        return f"{self.model_version} on {self.dataset_version}"


class MistakePicture(models.Model):
    """A picture of one of an evaluation's worst mistakes."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="pictures")
    name = models.CharField(max_length=100)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["evaluation", "name"], name="mistake_name_unique")
        ]

    def __str__(self) -> str:
        return self.name

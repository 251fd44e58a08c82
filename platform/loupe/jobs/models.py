"""Jobs, their items, and what came of them.

States of a job:   queued → running → done | cancelled          (done counts its failed items)
States of an item: queued → leased → done | failed | cancelled;  failed → queued by retry
"""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.accounts.models import Project
from loupe.blobs.models import Blob
from loupe.ids import new_id
from loupe.intake.models import Input, Submission
from loupe.registry.models import ModelVersion, OperatingPoint


class JobState(models.TextChoices):
    """`DONE` says that every item ended; whether some failed is in the counts."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")


class ItemState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    LEASED = "leased", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


OPEN = (JobState.QUEUED, JobState.RUNNING)
"""States of a job in which something may still happen by itself."""
UNENDED = (ItemState.QUEUED, ItemState.LEASED)
"""States of an item that keep its job open."""


class Provenance(models.Model):
    """What made a result: shared by all results of a job."""

    app = models.CharField(max_length=50)
    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, related_name="+"
    )
    operating_point = models.ForeignKey(
        OperatingPoint, on_delete=models.PROTECT, null=True, related_name="+"
    )
    artefact_sha256 = models.CharField(max_length=64, blank=True)
    loupe_version = models.CharField(max_length=20)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.app} {self.model_version}"


class Job(models.Model):
    """The work on one submission."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="jobs")
    submission = models.OneToOneField(Submission, on_delete=models.PROTECT, related_name="job")
    app = models.CharField(max_length=50)
    provenance = models.ForeignKey(Provenance, on_delete=models.PROTECT, related_name="jobs")
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    cancel_requested_at = models.DateTimeField(null=True)
    woken_at = models.DateTimeField(null=True, help_text="when a wake-up was last sent")
    claimed_at = models.DateTimeField(null=True, help_text="when items were last claimed")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "app", "-created_at"]),
            models.Index(fields=["state"], name="jobs_open"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Item(models.Model):
    """The unit of retry."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items")
    input = models.ForeignKey(Input, on_delete=models.PROTECT, null=True, related_name="+")
    position = models.PositiveBigIntegerField(help_text="order within the job, from 0")
    ordered = models.BooleanField(
        default=False, help_text="of an input that is cut: begun when those before it have ended"
    )
    options = models.JSONField(default=dict, help_text="e.g. a row range of the input")
    state = models.CharField(max_length=10, choices=ItemState.choices, default=ItemState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="times it was begun")
    suspect = models.BooleanField(
        default=False, help_text="its worker died; from then on it is worked on alone"
    )
    losses = models.PositiveSmallIntegerField(
        default=0, help_text="times its worker died while it was the only one in work"
    )
    postponements = models.PositiveSmallIntegerField(
        default=0, help_text="times something was missing for the moment: the engine, disk space"
    )
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True, help_text="back-off of a temporary failure")
    progress = models.FloatField(default=0, help_text="0 to 1, of work that takes minutes")
    note = models.CharField(max_length=200, blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "position"], name="item_position_unique")
        ]
        indexes: ClassVar = [
            models.Index(fields=["job", "state", "position"]),
            models.Index(
                fields=["job", "ended_at"],
                condition=models.Q(ended_at__isnull=False),
                name="items_ended",
            ),
            # "is not null" is the one condition SQLite sees through when the query has parameters.
            models.Index(
                fields=["lease_until"],
                condition=models.Q(lease_until__isnull=False),
                name="items_leased",
            ),
            models.Index(
                fields=["job", "not_before"],
                condition=models.Q(not_before__isnull=False),
                name="items_delayed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}[{self.position}]"


class Result(models.Model):
    """One result kept as a row, with its decision's searchable parts beside it."""

    item = models.OneToOneField(Item, on_delete=models.CASCADE, related_name="result")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="results")
    app = models.CharField(max_length=50)
    provenance = models.ForeignKey(Provenance, on_delete=models.PROTECT, related_name="+")
    data = models.JSONField(help_text="validated by the app's result_schema")
    times_ms = models.JSONField(help_text="wall time of each stage, milliseconds")
    outcome = models.CharField(max_length=20, help_text="the latest: of the machine or a person")
    label = models.CharField(max_length=60, blank=True)
    score = models.FloatField()
    reviewed = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "app", "-id"]),
            models.Index(fields=["project", "app", "outcome", "-id"]),
            models.Index(fields=["project", "app", "reviewed", "-id"]),
            models.Index(fields=["project", "app", "label", "-id"]),
            # Ends with the id so that a stretch of time is turned into ids by the index alone.
            models.Index(fields=["project", "app", "created_at", "id"]),
            models.Index(fields=["job", "-id"]),
            models.Index(fields=["job", "outcome", "-id"]),
        ]

    def __str__(self) -> str:
        return f"result {self.pk}"


class ResultBlock(models.Model):
    """Many results of one item as one Parquet blob: result columns, then the decision's
    ``outcome``, ``score``, ``label``."""

    item = models.OneToOneField(Item, on_delete=models.CASCADE, related_name="block")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="blocks")
    app = models.CharField(max_length=50)
    provenance = models.ForeignKey(Provenance, on_delete=models.PROTECT, related_name="+")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    rows = models.PositiveIntegerField()
    outcomes = models.JSONField(help_text="rows per outcome")
    times_ms = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["project", "app", "-id"])]

    def __str__(self) -> str:
        return f"block {self.pk}"


class Decision(models.Model):
    """What the machine decided on a row result; written with it, never changed."""

    result = models.OneToOneField(Result, on_delete=models.CASCADE, related_name="decision")
    operating_point = models.ForeignKey(
        OperatingPoint, on_delete=models.PROTECT, null=True, related_name="+"
    )
    outcome = models.CharField(max_length=20)
    score = models.FloatField()
    label = models.CharField(max_length=60, blank=True)
    reasons = models.JSONField(default=list)
    fallback = models.CharField(max_length=12, blank=True)

    def __str__(self) -> str:
        return self.outcome

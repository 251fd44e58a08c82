"""Datasets: records with labels that people change, and versions that never change."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.accounts.models import Project
from loupe.blobs.models import Blob
from loupe.ids import new_id
from loupe.jobs.models import Result
from loupe.review.models import Review


class Dataset(models.Model):
    """A named, growing set of labelled records of one app."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="datasets")
    app = models.CharField(max_length=50)
    name = models.SlugField(max_length=60)
    description = models.TextField(blank=True)
    about = models.JSONField(help_text="validated by the app's about_schema, e.g. the classes")
    takes_corrections = models.BooleanField(
        default=False, help_text="what people correct in review comes here"
    )
    archived_at = models.DateTimeField(null=True, help_text="put away: not listed, not changed")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "app", "name"], name="dataset_name_unique_in_project"
            ),
            models.UniqueConstraint(
                fields=["project", "app"],
                condition=models.Q(takes_corrections=True),
                name="dataset_one_takes_corrections",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RecordState(models.TextChoices):
    TODO = "todo", _("To label")
    LABELLED = "labelled", _("Labelled")
    SKIPPED = "skipped", _("Left out")
    REMOVED = "removed", _("Removed")


def state_of(labels: object) -> RecordState:
    """The state of a record that is not left out."""
    return RecordState.TODO if labels is None else RecordState.LABELLED


class Split(models.TextChoices):
    """Blank: decided when a version is made, by group where there is one."""

    TRAIN = "train", _("Training")
    VAL = "val", _("Validation")
    TEST = "test", _("Test")


class Record(models.Model):
    """One input with its labels as they are now."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="records")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=500)
    group = models.CharField(
        max_length=100, blank=True, help_text="lot, board or part: never on both sides of a split"
    )
    split = models.CharField(max_length=5, choices=Split.choices, blank=True)
    state = models.CharField(max_length=10, choices=RecordState.choices, default=RecordState.TODO)
    labels = models.JSONField(null=True, help_text="validated by the app's label schema")
    revision = models.PositiveIntegerField(
        default=0, help_text="counts changes; who saves names the one they saw"
    )
    fingerprint = models.BigIntegerField(null=True, help_text="near-duplicates differ in few bits")
    result = models.ForeignKey(Result, on_delete=models.SET_NULL, null=True, related_name="records")
    added_at = models.DateTimeField(auto_now_add=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    changed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dataset", "name"], name="record_name_unique")
        ]
        indexes: ClassVar = [
            models.Index(fields=["dataset", "state", "id"]),
            models.Index(fields=["dataset", "split", "id"]),
            models.Index(fields=["dataset", "group", "id"]),
            models.Index(fields=["dataset", "blob"]),
            models.Index(
                fields=["dataset"],
                condition=models.Q(fingerprint__isnull=True),
                name="records_not_compared",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def last_name(self) -> str:
        """The name without its folders."""
        return self.name.rpartition("/")[2]


class RecordClass(models.Model):
    """How many labels of one class a record has now; written with its labels, for finding and
    counting."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="classes")
    name = models.CharField(max_length=100)
    count = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["record", "name"], name="record_class_unique")
        ]
        indexes: ClassVar = [models.Index(fields=["dataset", "name", "record"])]

    def __str__(self) -> str:
        return f"{self.count} {self.name}"


class LabelSource(models.TextChoices):
    """Where a change of labels came from."""

    DRAWN = "drawn", _("Drawn")
    ACCEPTED = "accepted", _("Accepted from a model")
    CORRECTED = "corrected", _("Corrected in review")
    IMPORTED = "imported", _("Imported")
    UNDONE = "undone", _("Taken back")
    RENAMED = "renamed", _("Class renamed")


class LabelChange(models.Model):
    """One change of one record's labels. Rows are only ever added."""

    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="changes")
    revision = models.PositiveIntegerField()
    source = models.CharField(max_length=10, choices=LabelSource.choices)
    labels = models.JSONField(null=True, help_text="after the change")
    review = models.ForeignKey(Review, on_delete=models.PROTECT, null=True, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["record", "revision"], name="label_revision_unique")
        ]

    def __str__(self) -> str:
        return f"{self.record} r{self.revision}"


class DatasetVersion(models.Model):
    """An immutable list of records with their labels and splits, as JSON lines in a blob."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    about = models.JSONField()
    manifest = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    counts = models.JSONField(help_text="records and labels, per split and class")
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dataset", "number"], name="dataset_number_unique")
        ]

    def __str__(self) -> str:
        return f"{self.dataset.name} v{self.number}"


class ImportState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


IMPORT_OPEN = (ImportState.QUEUED, ImportState.RUNNING)
"""States of an import in which something may still happen by itself."""


class ImportPhase(models.TextChoices):
    UNPACKING = "unpacking", _("Unpacking")
    READING = "reading", _("Reading labels")
    STORING = "storing", _("Storing files")
    ADDING = "adding", _("Adding records")


class Import(models.Model):
    """An archive on its way into a dataset. Its records appear all at once, or not at all."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="imports")
    name = models.CharField(max_length=255, help_text="what the sender called the archive")
    blob = models.ForeignKey(
        Blob,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="none of a folder that a command imports",
    )
    options = models.JSONField(default=dict)
    layout = models.CharField(max_length=30, blank=True, help_text="as recognised")
    state = models.CharField(max_length=10, choices=ImportState.choices, default=ImportState.QUEUED)
    phase = models.CharField(max_length=10, choices=ImportPhase.choices, blank=True)
    done = models.PositiveIntegerField(default=0, help_text="files of this phase")
    total = models.PositiveIntegerField(default=0)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True, help_text="back-off of a temporary failure")
    losses = models.PositiveSmallIntegerField(
        default=0, help_text="workers that died over it since it last got further"
    )
    note = models.CharField(max_length=300, blank=True)
    counts = models.JSONField(default=dict, help_text="what came of it, and its problems by code")
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["dataset", "-created_at"]),
            models.Index(fields=["state"], name="imports_by_state"),
        ]

    def __str__(self) -> str:
        return self.name


class ImportProblem(models.Model):
    """One thing that was wrong with an archive."""

    imported = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="problems")
    file = models.CharField(max_length=500, blank=True)
    line = models.PositiveIntegerField(default=0, help_text="from 1; 0 where it is about no line")
    code = models.CharField(max_length=50)
    reason = models.TextField()
    fatal = models.BooleanField(help_text="it cost a record its labels")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["imported", "-fatal", "id"])]

    def __str__(self) -> str:
        return f"{self.file}: {self.code}"

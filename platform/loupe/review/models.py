"""What people said about decisions, and their calls about everything that matches a filter.

Rows of `Review` are only ever added.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.accounts.models import Project
from loupe.ids import new_id
from loupe.jobs.models import Result


class BulkState(models.TextChoices):
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")
    STOPPED = "stopped", _("Stopped")
    UNDOING = "undoing", _("Being taken back")
    UNDONE = "undone", _("Taken back")


BULK_OPEN = (BulkState.RUNNING, BulkState.UNDOING)
"""States of a bulk call in which a worker has something to do."""
BULK_UNDOABLE = (BulkState.DONE, BulkState.CANCELLED, BulkState.STOPPED)


class BulkReview(models.Model):
    """One verb said about every result that matched a filter at one moment.

    A worker goes through the results from the newest to the oldest, a few in each transaction, and
    moves `below` in the same transaction: none is said twice, whenever the worker dies.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    app = models.CharField(max_length=50)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    verb = models.CharField(max_length=30)
    note = models.TextField(blank=True)
    filters = models.JSONField(default=dict)
    total = models.PositiveIntegerField(help_text="results that matched when it began")
    newest = models.BigIntegerField(help_text="the id of the newest result it is about")
    seen_review = models.BigIntegerField(
        help_text="the newest review at its start; a result with a later one is left alone"
    )
    state = models.CharField(max_length=10, choices=BulkState.choices, default=BulkState.RUNNING)
    below = models.BigIntegerField(help_text="results from this id on have had their turn")
    given = models.PositiveIntegerField(default=0)
    refused = models.JSONField(default=dict, help_text="results left alone, by code")
    undo_below = models.BigIntegerField(null=True, help_text="as `below`, of reviews")
    taken_back = models.PositiveIntegerField(default=0)
    kept = models.PositiveIntegerField(
        default=0, help_text="reviews that stand because somebody spoke since"
    )
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    moved_at = models.DateTimeField(help_text="when a worker last got on with it")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "user", "-created_at"]),
            models.Index(fields=["state"], name="bulk_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} about {self.total} results"

    @property
    def open(self) -> bool:
        """Whether a worker has something to do."""
        return self.state in BULK_OPEN

    @property
    def left_alone(self) -> int:
        """How many results it did not say its verb about because of what had happened to them."""
        return sum(self.refused.values())


class Review(models.Model):
    """One statement by one person; the latest one of a result counts, undo is a new row."""

    result = models.ForeignKey(Result, on_delete=models.PROTECT, related_name="reviews")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    verb = models.CharField(max_length=30, help_text="a ReviewVerb's key, or 'undo'")
    outcome = models.CharField(max_length=20, help_text="of the result after this review")
    note = models.TextField(blank=True)
    correction = models.JSONField(
        null=True, help_text="what should have been found; valid by the app's label schema"
    )
    signed_name = models.CharField(max_length=200, blank=True)
    content_sha256 = models.CharField(
        max_length=64, blank=True, help_text="of result, decision and verb, when signed"
    )
    bulk = models.ForeignKey(
        BulkReview,
        on_delete=models.PROTECT,
        null=True,
        related_name="reviews",
        help_text="the call about many results it was part of",
    )
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["result", "-id"])]

    def __str__(self) -> str:
        return f"{self.verb} by {self.user}"

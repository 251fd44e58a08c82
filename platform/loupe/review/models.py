"""What people said about decisions. Rows are only ever added."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from loupe.jobs.models import Result


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
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["result", "-id"])]

    def __str__(self) -> str:
        return f"{self.verb} by {self.user}"

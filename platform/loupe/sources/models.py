"""Cameras and other HTTP sources that are asked at an interval, and what came of it."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from loupe.accounts.models import Project
from loupe.ids import new_id


class HttpSource(models.Model):
    """An address whose picture becomes a submission whenever it has changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="http_sources")
    app = models.CharField(max_length=50)
    name = models.CharField(max_length=100)
    url = models.CharField(max_length=500, help_text="a picture, a file, or an MJPEG stream")
    username = models.CharField(max_length=100, blank=True)
    password = models.CharField(
        max_length=200, blank=True, help_text="never shown; sent by Basic or Digest when asked for"
    )
    model_name = models.CharField(max_length=60, blank=True)
    facts = models.JSONField(default=dict, help_text="said of everything that arrives from here")
    interval_seconds = models.PositiveIntegerField(default=10)
    enabled = models.BooleanField(default=True)

    next_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    etag = models.CharField(max_length=300, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    last_sha256 = models.CharField(max_length=64, blank=True)
    last_job_id = models.UUIDField(null=True)
    asked_at = models.DateTimeField(null=True, help_text="when it was last asked")
    taken_at = models.DateTimeField(null=True, help_text="when a picture was last submitted")
    taken = models.PositiveBigIntegerField(default=0, help_text="pictures submitted")
    unchanged = models.PositiveBigIntegerField(default=0, help_text="answers that were not new")
    failures = models.PositiveIntegerField(default=0, help_text="in a row; slows asking down")
    refusal = models.TextField(blank=True, help_text="why the last picture could not be used")
    note = models.CharField(max_length=200, blank=True)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="http_source_name_unique")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], condition=models.Q(enabled=True), name="http_sources_due"
            )
        ]

    def __str__(self) -> str:
        return self.name

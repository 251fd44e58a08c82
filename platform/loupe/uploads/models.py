"""Uploads that come in parts: what was announced, and what became of it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.accounts.models import ApiKey, Project
from loupe.ids import new_id
from loupe.intake.models import Submission


class UploadState(models.TextChoices):
    """`OPEN` waits for bytes, `COMPLETE` for being submitted; the others have no bytes here."""

    OPEN = "open", _("Unfinished")
    COMPLETE = "complete", _("Complete")
    SUBMITTED = "submitted", _("Submitted")
    DELETED = "deleted", _("Deleted")
    EXPIRED = "expired", _("Expired")


KEPT = (UploadState.OPEN, UploadState.COMPLETE)
"""States in which the bytes lie on the disk."""


class Upload(models.Model):
    """One file on its way in, part by part. How far it is says its file on the disk."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=500, help_text="what the sender calls the file")
    length = models.BigIntegerField(help_text="bytes, announced when it was made")
    offset = models.BigIntegerField(default=0, help_text="bytes, when the last part ended")
    unverified_from = models.BigIntegerField(
        null=True, help_text="bytes from here on belong to a part whose checksum is not known yet"
    )
    metadata = models.JSONField(default=dict, help_text="what else the sender said of it")
    state = models.CharField(max_length=10, choices=UploadState.choices, default=UploadState.OPEN)
    submission = models.ForeignKey(
        Submission, on_delete=models.SET_NULL, null=True, related_name="uploads"
    )
    sent_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    sent_by_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(help_text="without another part by then it is removed")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "state", "-id"]),
            models.Index(fields=["state", "expires_at"]),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def share(self) -> float:
        """How much of it is here, 0 to 1."""
        return self.offset / self.length if self.length else 1.0

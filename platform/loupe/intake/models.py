"""What was sent: submissions, their files, and folders that are watched."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.accounts.models import ApiKey, Project
from loupe.blobs.models import Blob
from loupe.ids import new_id


class Channel(models.TextChoices):
    """How a submission reached Loupe."""

    WEB = "web", _("Web upload")
    REST = "rest", _("REST")
    SYNC = "sync", _("Synchronous call")
    FOLDER = "folder", _("Watched folder")
    SCHEDULE = "schedule", _("Schedule")
    HTTP = "http", _("Camera or HTTP source")
    COMMAND = "command", _("Command line")


class Submission(models.Model):
    """One delivery of one or more inputs, by one person or key, over one channel."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="submissions")
    app = models.CharField(max_length=50)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    name = models.CharField(max_length=255, blank=True, help_text="what the sender called it")
    facts = models.JSONField(
        default=dict, help_text="what the sender said, by the keys of the app's facts"
    )
    sent_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    sent_by_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, related_name="+")
    fallback = models.CharField(
        max_length=12, blank=True, help_text="fail_open or fail_closed, where it was applied"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["project", "app", "-created_at"])]

    def __str__(self) -> str:
        return self.name or str(self.id)


class Input(models.Model):
    """One file of a submission, under the name it was given. Also one that was refused."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="inputs")
    name = models.CharField(max_length=500, help_text="the path inside the folder or archive")
    kind = models.CharField(max_length=30, blank=True, help_text="the app's InputKind")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True, help_text="why it was refused, in a full sentence")
    note = models.CharField(
        max_length=300, blank=True, help_text="what is odd about it, though it was taken"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["submission", "name"], name="input_name_unique")
        ]

    def __str__(self) -> str:
        return self.name


class WatchedFolder(models.Model):
    """A folder below LOUPE_WATCH_ROOT whose new files become submissions."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="watched_folders")
    app = models.CharField(max_length=50)
    model_name = models.CharField(max_length=60, blank=True)
    path = models.CharField(max_length=500, help_text="relative to LOUPE_WATCH_ROOT")
    facts = models.JSONField(default=dict, help_text="said of everything that arrives here")
    settle_seconds = models.PositiveIntegerField(default=5, help_text="unchanged for this long")
    enabled = models.BooleanField(default=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "app", "path"], name="folder_watched_once")
        ]

    def __str__(self) -> str:
        return self.path


class SeenFile(models.Model):
    """A file of a watched folder that became an input, so that it never does twice."""

    folder = models.ForeignKey(WatchedFolder, on_delete=models.CASCADE, related_name="seen_files")
    name = models.CharField(max_length=500)
    size = models.BigIntegerField()
    modified_ns = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["folder", "name", "size", "modified_ns"], name="file_seen_once"
            )
        ]

    def __str__(self) -> str:
        return self.name

"""What was sent at once by page, REST or folder, until it is sorted into studies."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.report_gen.models.study import StudyChannel
from loupe.host.people import Project
from loupe.host.results import new_id


class DeliveryState(models.TextChoices):
    """Where a delivery stands."""

    WAITING = "waiting", _("Waiting")
    SORTED = "sorted", _("Sorted")
    FAILED = "failed", _("Failed")


class Delivery(models.Model):
    """Files of one delivery; they lie in the clinical store, and so do their names."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=10, choices=StudyChannel.choices)
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    sent_by = models.CharField(max_length=160, help_text="user:NAME, key:PREFIX or system")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    model_name = models.CharField(max_length=60, blank=True)
    language = models.CharField(max_length=2, default="en")
    files = models.PositiveIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    objects_kept = models.JSONField(
        default=list, help_text="ids of the clinical objects, in the order of the files"
    )
    about = models.CharField(
        max_length=32, blank=True, help_text="in the store: names of the files, clinical text"
    )
    told = models.CharField(
        max_length=32, blank=True, help_text="in the store: which files cannot be used, by name"
    )
    left_out = models.PositiveIntegerField(default=0, help_text="files of no study")
    problems = models.JSONField(default=list, help_text="why: code, en, zh, files")
    studies = models.JSONField(default=list, help_text="ids of the studies that came")
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "-created_at"], name="report_delivery_newest"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(state="waiting"),
                name="report_delivery_open",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

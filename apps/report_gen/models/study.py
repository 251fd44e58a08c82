"""A study as the worklist shows it: pseudonymous, from its first image to its report."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.host.people import Project
from loupe.host.results import Result, new_id


class StudyState(models.TextChoices):
    """Where a study stands."""

    ARRIVING = "arriving", _("Arriving")
    WAITING = "waiting", _("Waiting")
    READING = "reading", _("Reading")
    DRAFTED = "drafted", _("Drafted")
    REFUSED = "refused", _("Refused")
    FAILED = "failed", _("Failed")
    REPORTED = "reported", _("Reported")


class StudyChannel(models.TextChoices):
    """How its images came."""

    WEB = "web", _("Web upload")
    REST = "rest", _("REST")
    DICOM = "dicom", _("DICOM")
    FOLDER = "folder", _("Watched folder")
    COMMAND = "command", _("Command line")


class Study(models.Model):
    """One study of one project. Every identifier in it is a pseudonym (`apps.report_gen.deid`).

    Images that come later make the same row wait again; its newest result stands in `result`.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    uid = models.CharField(max_length=64, help_text="the pseudonymous study instance UID")
    patient = models.CharField(max_length=20, blank=True, help_text="the patient's pseudonym")
    state = models.CharField(max_length=10, choices=StudyState.choices, default=StudyState.ARRIVING)
    channel = models.CharField(max_length=10, choices=StudyChannel.choices)
    files = models.PositiveIntegerField(default=0, help_text="that came")
    bytes = models.BigIntegerField(default=0, help_text="of the files")
    left_out = models.PositiveIntegerField(default=0, help_text="files that cannot be used")
    problems = models.JSONField(
        default=list, help_text="why files were left out or the study refused: code, en, zh, files"
    )
    language = models.CharField(max_length=2, default="en", help_text="of the report: en or zh")
    submission_id = models.UUIDField(null=True, help_text="of the newest bundle")
    job_id = models.UUIDField(null=True)
    result = models.ForeignKey(
        Result, on_delete=models.SET_NULL, null=True, related_name="+", help_text="the newest"
    )
    present = models.JSONField(default=list, help_text="keys of the findings said to be there")
    priority = models.FloatField(default=0.0, help_text="higher is read sooner")
    critical = models.BooleanField(default=False, help_text="a critical finding is there")
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    claimed_at = models.DateTimeField(null=True)
    arrived_at = models.DateTimeField(help_text="when its first image came")
    last_image_at = models.DateTimeField(help_text="when its newest image came")
    complete_at = models.DateTimeField(null=True, help_text="when it was held to be complete")
    drafted_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "uid"], name="report_study_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["project", "state", "-priority", "arrived_at"], name="report_worklist"
            ),
            models.Index(fields=["project", "-arrived_at"], name="report_study_newest"),
            models.Index(fields=["project", "patient", "-arrived_at"], name="report_priors"),
            models.Index(fields=["submission_id"], name="report_study_submission"),
        ]

    def __str__(self) -> str:
        return self.uid

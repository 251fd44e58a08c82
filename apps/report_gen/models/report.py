"""Reports: versions that are only ever added, the copy worked on, and the readers' clock.

A version is written when somebody reviews, signs, amends or rejects; what is edited in between lies
in steps, which may be undone and go when the next version is written.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.report_gen.models.study import Study
from loupe.host.people import Project


class ReportState(models.TextChoices):
    """As `apps.report_gen.report.ReportState`, with words."""

    DRAFT = "draft", _("Draft")
    REVIEWED = "reviewed", _("Reviewed")
    SIGNED = "signed", _("Signed")
    AMENDED = "amended", _("Amended")
    REJECTED = "rejected", _("Draft rejected")


class Report(models.Model):
    """The report of a study: which version and which step of the work after it are current.

    `revision` grows with every change, undoing included; whoever changes says which one they saw.
    """

    study = models.OneToOneField(Study, on_delete=models.PROTECT, related_name="report")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=ReportState.choices, default=ReportState.DRAFT)
    number = models.PositiveIntegerField(default=0, help_text="of the newest version")
    result_id = models.BigIntegerField(null=True, help_text="of the result it was drafted from")
    revision = models.PositiveIntegerField(default=0)
    step = models.PositiveIntegerField(default=0, help_text="0: as the newest version says")
    amending = models.BooleanField(default=False, help_text="signed, and being changed")
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    changed_at = models.DateTimeField(default=timezone.now)
    corrections = models.JSONField(
        default=dict, help_text="counts, from the draft to what is signed"
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["project", "state"], name="report_by_state")]

    def __str__(self) -> str:
        return f"report {self.pk}"


class ReportVersion(models.Model):
    """One version. Rows are only ever added, held by triggers of the database."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=ReportState.choices)
    document = models.JSONField(help_text="an apps.report_gen.report.ReportDocument")
    content_hash = models.CharField(max_length=64)
    author = models.CharField(max_length=200, help_text="user:NAME, or the model")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField()
    reason = models.CharField(max_length=1000, blank=True, help_text="of an amendment or rejection")
    signature = models.JSONField(null=True, help_text="an apps.report_gen.report.Signature")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "number"], name="report_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.report_id} v{self.number}"


class ReportStep(models.Model):
    """The working copy after one edit since the newest version."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    verb = models.CharField(max_length=30)
    about = models.CharField(max_length=80, blank=True, help_text="the sentence or finding")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "number"], name="report_step_once")
        ]

    def __str__(self) -> str:
        return f"{self.report_id} step {self.number}"


class Clock(models.TextChoices):
    """What the readers' clock notes."""

    OPENED = "opened", _("Opened")
    FIRST_EDIT = "first_edit", _("First edit")
    REVIEWED = "reviewed", _("Reviewed")
    SIGNED = "signed", _("Signed")
    AMENDED = "amended", _("Amended")
    REJECTED = "rejected", _("Draft rejected")


class ReaderEvent(models.Model):
    """When a person first opened, first edited, reviewed, signed or amended a report."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="clock")
    kind = models.CharField(max_length=10, choices=Clock.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["report", "user", "kind"], name="reader_event_of"),
            models.Index(fields=["kind", "at"], name="reader_event_when"),
        ]

    def __str__(self) -> str:
        return f"{self.report_id} {self.kind}"


class LabelConsent(models.Model):
    """Whether a project's corrections may become training labels; the newest row counts."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    given = models.BooleanField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="label_consent_newest")]

    def __str__(self) -> str:
        return f"{self.project_id} {self.given}"

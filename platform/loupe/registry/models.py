"""Models by name and version, and the operating points that turn scores into decisions."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.accounts.models import Project


class Model(models.Model):
    """A named model of one app. Without a project it is shared: shipped with Loupe."""

    app = models.CharField(max_length=50)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, null=True, blank=True, related_name="models"
    )
    name = models.SlugField(max_length=60)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["app", "project", "name"], name="model_name_unique_in_project"
            ),
            # SQLite holds two NULLs to be different.
            models.UniqueConstraint(
                fields=["app", "name"],
                condition=models.Q(project=None),
                name="shared_model_name_unique",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def wire_name(self) -> str:
        """The name the engine knows: ``<app>.<owner>.<name>``."""
        owner = self.project.slug if self.project else "shared"
        return f"{self.app}.{owner}.{self.name}"


class Stage(models.TextChoices):
    """Where a version stands."""

    CANDIDATE = "candidate", _("Candidate")
    PRODUCTION = "production", _("Production")
    RETIRED = "retired", _("Retired")


class ModelVersion(models.Model):
    """One immutable artefact in the model repository."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.CANDIDATE)
    manifest = models.JSONField(help_text="the artefact's manifest.json as verified")
    artefact_sha256 = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    promoted_at = models.DateTimeField(null=True, help_text="when it first went into production")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["model", "number"], name="version_number_unique"),
            models.UniqueConstraint(
                fields=["model"],
                condition=models.Q(stage="production"),
                name="one_production_version",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} v{self.number}"


class OperatingPoint(models.Model):
    """Thresholds and severities of a model version; a change is a new version, never an edit."""

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="operating_points"
    )
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="+")
    scope = models.CharField(
        max_length=100,
        blank=True,
        help_text="what it decides about, e.g. a product; blank: the rest",
    )
    number = models.PositiveIntegerField()
    data = models.JSONField(help_text="validated by the app's operating_point_schema")
    certificate = models.JSONField(
        null=True,
        help_text="how it was fitted: limit, confidence, samples, artefact; null: by hand",
    )
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["model_version", "project", "number"],
                name="operating_point_number_unique",
            ),
            models.UniqueConstraint(
                fields=["model_version", "number"],
                condition=models.Q(project=None),
                name="shared_operating_point_number_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"operating point {self.number}"


class ScopeModel(models.Model):
    """Which model inspects what belongs to one scope, where that is not the project's default."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    app = models.CharField(max_length=50)
    scope = models.CharField(max_length=100)
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "app", "scope"], name="one_model_per_scope")
        ]

    def __str__(self) -> str:
        return f"{self.scope}: {self.model}"


class PromotionRequest(models.Model):
    """A wish to put a version into production, and what became of it: the model's history."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for a second person")
        APPROVED = "approved", _("Approved")
        DECLINED = "declined", _("Declined")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="requests")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    rolls_back = models.BooleanField(
        default=False, help_text="an earlier version was put back, at once and without asking"
    )
    reason = models.CharField(max_length=500)
    gate = models.JSONField(default=list, help_text="conditions and whether each held, as asked")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    requested_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    comment = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(state="waiting"),
                name="one_waiting_request",
            )
        ]

    def __str__(self) -> str:
        return f"{self.version}: {self.state}"

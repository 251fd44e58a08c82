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
    number = models.PositiveIntegerField()
    data = models.JSONField(help_text="validated by the app's operating_point_schema")
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

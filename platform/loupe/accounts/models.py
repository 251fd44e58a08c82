"""Projects, who belongs to them, and the keys of business systems."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import AbstractAPIKey

from loupe.ids import new_id


class Role(models.TextChoices):
    """What a member may do; each role includes the ones above it."""

    VIEWER = "viewer", _("Viewer")
    OPERATOR = "operator", _("Operator")
    REVIEWER = "reviewer", _("Reviewer")
    ENGINEER = "engineer", _("Engineer")
    ADMIN = "admin", _("Administrator")


class Project(models.Model):
    """The border of visibility: rows of another project do not exist for you."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=50, default="UTC")
    second_person = models.BooleanField(
        default=False, help_text="a promotion needs the consent of somebody who did not ask for it"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "user"], name="one_role_per_member"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.role}"


class ApiKey(AbstractAPIKey):
    """A business system's key: acts in one project with a list of scopes, until it expires."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_keys")
    scopes = models.JSONField(default=list, help_text="see loupe.accounts.policy.SCOPES")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True
    )
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        verbose_name_plural = "API keys"

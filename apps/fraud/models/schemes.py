"""Versions of what a project's transactions are about."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from loupe.host.people import Project


class SchemeVersion(models.Model):
    """One numbered scheme; a change is a new version, never an edit. The newest counts."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    data = models.JSONField(help_text="`apps.fraud.scheme.Scheme`")
    sha256 = models.CharField(max_length=64)
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="fraud_scheme_number")
        ]

    def __str__(self) -> str:
        return f"scheme {self.number}"


class MappingVersion(models.Model):
    """One numbered meaning of a file's columns, saved under a name; the newest of a name counts."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    key = models.SlugField(max_length=60, help_text="what submissions call it")
    number = models.PositiveIntegerField()
    data = models.JSONField(help_text="`apps.fraud.tables.mapping.Mapping`")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "key", "number"], name="fraud_mapping_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.number}"


class ProjectSecret(models.Model):
    """The key of a project's identifier hashes; made once, never shown."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="+")
    hash_key = models.CharField(max_length=64, help_text="hexadecimal")

    def __str__(self) -> str:
        return "a secret"

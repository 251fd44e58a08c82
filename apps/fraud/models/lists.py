"""Lists of entities that rules ask for, and snoozes: who is on them, why, and until when."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from loupe.host.people import Project


class ListKind(models.TextChoices):
    """What a list is for. Being on one is the feature ``listed_<key>`` for rules and models."""

    WATCH = "watch", _("Watch")
    ALLOW = "allow", _("Allow")
    BLOCK = "block", _("Block")
    SNOOZE = "snooze", _("Snooze")


class List(models.Model):
    """One list of a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    key = models.SlugField(max_length=30)
    kind = models.CharField(max_length=6, choices=ListKind.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "key"], name="fraud_list_key")
        ]

    def __str__(self) -> str:
        return self.key


class ListEntry(models.Model):
    """Somebody or something on a list. Taking it off keeps the row, with who did it."""

    list = models.ForeignKey(List, on_delete=models.CASCADE, related_name="entries")
    entity_type = models.CharField(max_length=30)
    entity_key = models.CharField(max_length=256)
    entity = models.UUIDField(db_index=True, help_text="`services.naming.entity_id`")
    reason = models.CharField(max_length=300)
    added_by = models.CharField(max_length=160)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    added_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.CharField(max_length=160, blank=True)
    held_back = models.PositiveIntegerField(default=0, help_text="alerts a snooze kept silent")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["list", "entity"],
                condition=models.Q(removed_at=None),
                name="fraud_once_on_a_list",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["list", "-id"], name="fraud_entry_newest")]

    def __str__(self) -> str:
        return f"{self.entity_type} {self.entity_key}"

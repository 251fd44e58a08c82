"""Who has which record open at the moment. Nothing depends on it: a hint, not a lock."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from loupe.datasets.models import Record


class Presence(models.Model):
    """A person who had the record open at `seen_at`; older ones are forgotten."""

    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="presences")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["record", "user"], name="presence_once_per_person")
        ]
        indexes: ClassVar = [models.Index(fields=["seen_at"])]

    def __str__(self) -> str:
        return f"{self.user} at {self.record}"

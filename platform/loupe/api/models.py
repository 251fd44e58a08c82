"""What the API remembers of requests."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from loupe.accounts.models import Project


class IdempotencyKey(models.Model):
    """A request a caller may repeat: the same key and body get the first answer again."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "key"], name="idempotency_key_unique")
        ]

    def __str__(self) -> str:
        return self.key

"""One line of the feed."""

from typing import ClassVar

from django.db import models

from loupe.accounts.models import Project


class Change(models.Model):
    """One line of the changes feed; `id` is the cursor and only ever grows."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40, help_text="see loupe.changes.kinds.Kind")
    subject = models.CharField(max_length=60, help_text="the id of what changed")
    data = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["project", "id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"

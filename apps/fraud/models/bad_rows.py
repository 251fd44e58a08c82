"""Rows of a file that could not be used, kept with its job."""

from typing import ClassVar

from django.db import models

from loupe.host.people import Project


class BadRows(models.Model):
    """What was wrong in one range of a file: all counted by code, the first ones listed."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    job_id = models.UUIDField()
    position = models.PositiveBigIntegerField(help_text="of the range in its job")
    input_name = models.CharField(max_length=300, blank=True)
    counts = models.JSONField(help_text="by code of `apps.fraud.tables.problems.REASONS`")
    listed = models.JSONField(help_text="line, field, value, code, allowed")
    read = models.PositiveIntegerField(default=0, help_text="rows of the range")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job_id", "position"], name="fraud_bad_rows_range")
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="fraud_bad_rows_newest")]

    def __str__(self) -> str:
        return f"{self.job_id}[{self.position}]"

"""How many transactions of a file the project had seen before, in other files or by REST."""

from typing import ClassVar

from django.db import models

from loupe.host.people import Project


class SeenBefore(models.Model):
    """What came of comparing the identifiers of one job with those stored before it."""

    job_id = models.UUIDField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    rows = models.PositiveBigIntegerField(help_text="different transactions of the job")
    seen = models.PositiveBigIntegerField(help_text="of these, those that were there before")
    compared = models.PositiveBigIntegerField(help_text="earlier transactions that were looked at")
    everything = models.BooleanField(help_text="these were all that there were")
    sources = models.JSONField(
        default=list, help_text="pairs of job (empty: by REST) and how many, most first"
    )

    class Meta:
        verbose_name_plural = "seen before"
        indexes: ClassVar = [models.Index(fields=["project"], name="fraud_seen_of_project")]

    def __str__(self) -> str:
        return f"{self.seen} of {self.rows}"

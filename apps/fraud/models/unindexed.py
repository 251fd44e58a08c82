"""What the entity index does not hold yet."""

from typing import ClassVar

from django.db import models

from loupe.host.people import Project


class Unindexed(models.Model):
    """What one block says of its entities, until the index holds it.

    `shape` tells which types there are and how they count; notes of one shape can be merged.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    block = models.PositiveBigIntegerField(unique=True, help_text="the result block's id")
    rows = models.PositiveIntegerField(help_text="transactions")
    shape = models.TextField()
    data = models.BinaryField(help_text="`services.entity_index.notes`")

    class Meta:
        verbose_name_plural = "unindexed"
        indexes: ClassVar = [models.Index(fields=["project", "id"], name="fraud_unindexed_of")]

    def __str__(self) -> str:
        return f"{self.rows} transactions"


class IndexGroup(models.Model):
    """The notes of a project that are being added together, and how far that is.

    They are merged into rows of one order, so that whoever goes on after a worker that died merges
    them again and leaves out the first `done`.
    """

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="+")
    notes = models.JSONField(help_text="ids")
    done = models.PositiveIntegerField(default=0, help_text="merged rows in the index")

    def __str__(self) -> str:
        return f"{len(self.notes)} notes"

"""What confirmed results look like: vectors to find the like of a picture by.

A vector goes with its result, and says nothing that the result's picture does not say.
"""

from typing import ClassVar

from django.db import models

from loupe.host.models import ModelVersion
from loupe.host.people import Project
from loupe.host.results import Result


class Embedder(models.Model):
    """Whose backbone a project's vectors come from; vectors of two models cannot be compared."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="+")
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.project}: {self.version}"


class Case(models.Model):
    """One place of one result."""

    result = models.ForeignKey(Result, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    embedder = models.ForeignKey(Embedder, on_delete=models.CASCADE, related_name="cases")
    place = models.SmallIntegerField(help_text="number of the box in the result; -1: the whole")
    x1 = models.FloatField(help_text="pixels of the picture")
    y1 = models.FloatField()
    x2 = models.FloatField()
    y2 = models.FloatField()
    label = models.CharField(max_length=60, blank=True)
    vector = models.BinaryField(help_text="one signed byte a dimension; its length says nothing")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["result", "place"], name="case_place_unique")
        ]
        indexes: ClassVar = [models.Index(fields=["embedder", "id"])]

    def __str__(self) -> str:
        return f"{self.result_id}/{self.place}"

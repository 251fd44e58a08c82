"""Which embeddings of entities are ready for which model."""

from typing import ClassVar

from django.db import models

from loupe.host.models import ModelVersion
from loupe.host.people import Project


class EmbeddingTable(models.Model):
    """One generation of embeddings of a project's entities; the numbers lie beside the model."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    made_at = models.DateTimeField(help_text="nothing later is in them")
    transactions = models.PositiveBigIntegerField(help_text="that they were made of")
    entities = models.JSONField(help_text="how many, by kind")
    size = models.PositiveBigIntegerField(help_text="bytes of the file")
    seconds = models.FloatField(help_text="that making them took")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "model_version", "-made_at"], name="fraud_embeddings")
        ]

    def __str__(self) -> str:
        return f"{sum(self.entities.values())} entities at {self.made_at:%Y-%m-%d %H:%M}"

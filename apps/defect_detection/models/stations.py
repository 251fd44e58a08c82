"""Stations: places on the line where parts are photographed and somebody looks at a screen."""

from typing import ClassVar

from django.db import models

from apps.defect_detection.models.products import Product
from loupe.host.people import Project
from loupe.host.results import new_id


def usual_shifts() -> list[str]:
    """Three shifts of eight hours."""
    return ["06:00", "14:00", "22:00"]


class Station(models.Model):
    """One place of inspection, and what runs on it now."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    key = models.SlugField(max_length=60, help_text="what REST and folders call it")
    name = models.CharField(max_length=120)
    product = models.ForeignKey(
        Product,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="what runs now; counts where a sender names only the station",
    )
    lot = models.CharField(max_length=100, blank=True, help_text="the lot that runs now")
    shift_starts = models.JSONField(
        default=usual_shifts, help_text="HH:MM in the project's zone, ascending"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "key"], name="station_key_unique")
        ]

    def __str__(self) -> str:
        return self.name

"""Parts: what was inspected, joined from the results of its views."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.defect_detection.models.products import Product
from apps.defect_detection.models.stations import Station
from loupe.host.people import Project
from loupe.host.results import Result


class Part(models.Model):
    """One physical part. Its decision joins the newest result of each of its views.

    `machine_outcome` joins what the machine decided, `outcome` what is known now: reviews by
    people and findings from later on included.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="parts")
    station = models.ForeignKey(Station, on_delete=models.SET_NULL, null=True, related_name="parts")
    lot = models.CharField(max_length=100, blank=True)
    serial = models.CharField(max_length=100)
    named = models.BooleanField(
        default=True, help_text="whether a serial was read; else one was made from the result"
    )
    outcome = models.CharField(max_length=20)
    machine_outcome = models.CharField(max_length=20)
    reviewed = models.BooleanField(default=False, help_text="a person settled the outcome")
    label = models.CharField(max_length=100, blank=True, help_text="the defect that weighs most")
    missing = models.JSONField(default=list, help_text="required views without a result")
    escaped = models.BooleanField(default=False, help_text="passed by the machine, and bad")
    overkilled = models.BooleanField(default=False, help_text="failed by the machine, and good")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(help_text="of its newest view")
    day = models.DateField(help_text="of `last_at`, on the project's calendar")
    changed_at = models.DateTimeField(default=timezone.now, help_text="for those who listen")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["product", "lot", "serial"], name="part_unique_in_product"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-last_at", "-id"], name="part_newest"),
            models.Index(fields=["station", "-changed_at"], name="part_of_station"),
            # The counts of a shift from the index alone, and the newest part of a station.
            models.Index(fields=["station", "-last_at", "-id", "outcome"], name="part_of_shift"),
            models.Index(fields=["project", "serial"], name="part_by_serial"),
            # Everything the quality page groups by, so that it reads the index alone.
            models.Index(
                fields=[
                    "project",
                    "day",
                    "product",
                    "station",
                    "lot",
                    "outcome",
                    "reviewed",
                    "escaped",
                    "overkilled",
                ],
                name="part_quality",
            ),
        ]

    def __str__(self) -> str:
        return self.serial


class View(models.Model):
    """One picture of a part. A newer picture of the same view takes its place."""

    part = models.ForeignKey(Part, on_delete=models.CASCADE, related_name="views")
    result = models.OneToOneField(Result, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60, blank=True)
    outcome = models.CharField(max_length=20)
    machine_outcome = models.CharField(max_length=20)
    reviewed = models.BooleanField(default=False)
    label = models.CharField(max_length=100, blank=True)
    score = models.FloatField(default=0)
    replaced = models.BooleanField(default=False, help_text="a newer picture of this view counts")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Defect(models.Model):
    """How often one class of defect counted in one view."""

    view = models.ForeignKey(View, on_delete=models.CASCADE, related_name="defects")
    label = models.CharField(max_length=100)
    count = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["view", "label"], name="defect_once_a_view")
        ]

    def __str__(self) -> str:
        return f"{self.count} × {self.label}"


class Finding(models.Model):
    """A defect that was found on a part after its inspection: an escape if the part had passed."""

    part = models.ForeignKey(Part, on_delete=models.CASCADE, related_name="findings")
    label = models.CharField(max_length=100, help_text="what was found")
    place = models.CharField(max_length=100, blank=True, help_text="where: final test, customer")
    note = models.CharField(max_length=500, blank=True)
    found_at = models.DateTimeField()
    told_by = models.CharField(max_length=160, help_text="user:NAME or key:PREFIX")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.label

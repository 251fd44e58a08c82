"""Products, and the recipes by which their parts are inspected."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from loupe.host.models import Model, OperatingPoint
from loupe.host.people import Project
from loupe.host.results import Result, new_id


class Product(models.Model):
    """What is made and inspected. `key` is the scope by which the host chooses model and
    operating point."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    key = models.SlugField(max_length=60, help_text="what REST and folders call it")
    name = models.CharField(max_length=120)
    archived = models.BooleanField(default=False, help_text="no longer offered; its parts stay")
    recipe = models.ForeignKey(
        "Recipe", on_delete=models.SET_NULL, null=True, related_name="+", help_text="the newest"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "key"], name="product_key_unique")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def views(self) -> list[str]:
        """The views a part needs; empty: any one picture will do."""
        return list(self.recipe.views) if self.recipe else []


class Recipe(models.Model):
    """One numbered way to inspect a product; a change is a new recipe, never an edit."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="recipes")
    number = models.PositiveIntegerField()
    model = models.ForeignKey(
        Model,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="empty: the project's default",
    )
    operating_point = models.ForeignKey(
        OperatingPoint,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="as set with this recipe: thresholds, regions, masks, pixel size, names, codes",
    )
    views = models.JSONField(default=list, help_text="views a part needs, in their order")
    reference = models.ForeignKey(
        Result,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="the picture its regions were drawn on",
    )
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["product", "number"], name="recipe_number_unique")
        ]

    def __str__(self) -> str:
        return f"{self.product} recipe {self.number}"

"""Rows as REST shows them."""

from dataclasses import asdict
from typing import Any

from apps.defect_detection.api.shapes import (
    FindingShape,
    PartDetail,
    PartShape,
    ProductShape,
    QualityShape,
    RecipeShape,
    StationShape,
    ViewShape,
)
from apps.defect_detection.models import Finding, Part, Product, Recipe, Station, View
from apps.defect_detection.schema import OperatingPoint
from apps.defect_detection.services.quality import Quality


def recipe(row: Recipe) -> RecipeShape:
    """A recipe fetched with model and operating point."""
    point = OperatingPoint.model_validate(row.operating_point.data)
    return RecipeShape(
        number=row.number,
        model=row.model.name if row.model else "",
        model_version=str(row.operating_point.model_version),
        operating_point=row.operating_point.number,
        views=row.views,
        mm_per_pixel=point.mm_per_pixel,
        picture=point.picture,
        reference=row.reference_id,
        note=row.note,
        created_at=row.created_at,
    )


def product(row: Product) -> ProductShape:
    """A product fetched with its newest recipe."""
    return ProductShape(
        id=row.pk,
        key=row.key,
        name=row.name,
        archived=row.archived,
        recipe=recipe(row.recipe) if row.recipe else None,
        created_at=row.created_at,
    )


def station(row: Station) -> StationShape:
    """A station fetched with its product."""
    return StationShape(
        id=row.pk,
        key=row.key,
        name=row.name,
        product=row.product.key if row.product else "",
        lot=row.lot,
        shift_starts=row.shift_starts,
    )


def part(row: Part) -> PartShape:
    """A part fetched with product and station."""
    return PartShape(**_fields(row))


def part_detail(row: Part) -> PartDetail:
    """A part with its views and findings; two queries more."""
    return PartDetail(
        **_fields(row),
        views=[view(one) for one in row.views.order_by("replaced", "name", "-pk")],
        findings=[finding(one) for one in row.findings.order_by("-pk")],
    )


def view(row: View) -> ViewShape:
    """One picture of a part."""
    return ViewShape(
        result=row.result_id,
        name=row.name,
        outcome=row.outcome,
        machine_outcome=row.machine_outcome,
        reviewed=row.reviewed,
        label=row.label,
        replaced=row.replaced,
        created_at=row.created_at,
    )


def finding(row: Finding) -> FindingShape:
    """What was found later."""
    return FindingShape(
        id=row.pk,
        label=row.label,
        place=row.place,
        note=row.note,
        found_at=row.found_at,
        told_by=row.told_by,
        withdrawn_at=row.withdrawn_at,
    )


def quality(found: Quality) -> QualityShape:
    """The figures of a span."""
    return QualityShape.model_validate(asdict(found))


def _fields(row: Part) -> dict[str, Any]:
    return {
        "id": row.pk,
        "product": row.product.key,
        "station": row.station.key if row.station else "",
        "lot": row.lot,
        "serial": row.serial,
        "named": row.named,
        "outcome": row.outcome,
        "machine_outcome": row.machine_outcome,
        "reviewed": row.reviewed,
        "label": row.label,
        "missing": row.missing,
        "escaped": row.escaped,
        "overkilled": row.overkilled,
        "first_at": row.first_at,
        "last_at": row.last_at,
    }

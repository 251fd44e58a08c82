"""Recipes: how a product is inspected, saved as numbered versions.

A recipe's thresholds, regions, masks, pixel size and names are an operating point of the product's
scope; its model is the scope's model. So the host applies a recipe by itself, on every way in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _
from pydantic import ValidationError

from apps.defect_detection.models import Product, Recipe
from apps.defect_detection.picture import PictureRules
from apps.defect_detection.schema import OperatingPoint as Point
from apps.defect_detection.services.errors import Taken, Unusable
from loupe.contract.runtime.errors import LoupeError
from loupe.host.models import (
    Model,
    ModelVersion,
    OperatingPoint,
    operating_point,
    resolve,
    set_operating_point,
    set_scope_model,
    visible_models,
)
from loupe.host.people import Action, Actor, record_audit, require, visible
from loupe.host.results import Result

APP = "defect_detection"
MOST_VIEWS = 24


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a recipe shall be.

    Attributes:
        model: a registered model's name; empty: the project's default.
        views: names of the views a part needs.
        mm_per_pixel: None: not known.
        picture: see `apps.defect_detection.picture.PictureRules`.
        settings: other fields of the operating point to set with it (thresholds, sizes); what is
            left out stays as it is.
        reference: the result whose picture the regions were drawn on.
        seen: the number of the recipe that the person saw, None not to check, 0 for none.
    """

    model: str = ""
    views: Sequence[str] = ()
    mm_per_pixel: float | None = None
    picture: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    reference: int | None = None
    note: str = ""
    seen: int | None = None


def history(actor: Actor, product: Product) -> "models.QuerySet[Recipe]":
    """The product's recipes, newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, product.project)
    return product.recipes.select_related(
        "model", "operating_point__model_version__model", "created_by"
    ).order_by("-number")


def point_of(actor: Actor, product: Product) -> OperatingPoint:
    """The operating point that decides about the product now; it may be newer than the recipe's,
    as one that was fitted since.

    Raises:
        NoModel: no model of the product is in production.
    """
    version = resolve(actor, product.project, APP, scope=product.key)
    return operating_point(version, product.project, product.key)


def version_of(actor: Actor, product: Product) -> ModelVersion | None:
    """The version that decides about the product now, which may have been promoted since its
    recipe was saved; None where no model of it is in production.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    try:
        return resolve(actor, product.project, APP, scope=product.key)
    except LoupeError as error:
        if error.code != "no_model":
            raise
        return None


def save(actor: Actor, product: Product, draft: Draft) -> Recipe:
    """Write the product's next recipe; pictures that come from now on are inspected by it.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: a view or the reference cannot be used.
        OperatingPointInvalid: a region, template or threshold is not allowed.
        UnknownModel, NoModel: there is no such model, or none of it in production.
        Taken: somebody else saved a recipe since `draft.seen`.
    """
    require(actor, Action.MANAGE_MODELS, product.project)
    views = valid_views(draft.views)
    picture = _valid_picture(draft.picture, views)
    model = _model(actor, product, draft.model)
    reference = _reference(actor, product, draft.reference)
    try:
        with transaction.atomic():
            return _write(actor, product, draft, views, picture, model, reference)
    except IntegrityError as error:
        raise _taken(product) from error


def valid_views(names: Sequence[str]) -> list[str]:
    """View names, each once.

    Raises:
        Unusable: one is empty, too long or comes twice.
    """
    found = [name.strip() for name in names if name.strip()]
    wrong = next((name for name in found if len(name) > 60 or not name.isprintable()), None)
    if wrong is not None or len(found) > MOST_VIEWS:
        raise Unusable(
            _("Name at most %(most)s views, each with at most 60 characters.")
            % {"most": MOST_VIEWS},
            field="views",
        )
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice is not None:
        raise Unusable(_("The view %(name)r comes twice.") % {"name": twice}, field="views")
    return found


def _valid_picture(given: Mapping[str, Any], views: Sequence[str]) -> PictureRules:
    try:
        rules = PictureRules.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "picture"
        said = first["ctx"]["error"] if first["type"] == "value_error" else first["msg"]
        raise Unusable(f"{place}: {said}.", field="picture") from error
    unknown = {area.view for area in (*rules.regions, *rules.masks)} - {"", *views}
    if unknown and views:
        raise Unusable(
            _("An area belongs to the view %(view)r, which the recipe does not have.")
            % {"view": min(unknown)},
            field="picture",
        )
    return rules


def _model(actor: Actor, product: Product, name: str) -> Model | None:
    if not name:
        return None
    return resolve(actor, product.project, APP, name).model


def _reference(actor: Actor, product: Product, result_id: int | None) -> Result | None:
    if result_id is None:
        return None
    rows = visible(Result.objects.filter(project=product.project, app=APP), actor)
    found = rows.filter(pk=result_id).first()
    if found is None:
        raise Unusable(
            _("There is no result %(id)s in this project.") % {"id": result_id}, field="reference"
        )
    return found


def _write(
    actor: Actor,
    product: Product,
    draft: Draft,
    views: list[str],
    picture: PictureRules,
    model: Model | None,
    reference: Result | None,
) -> Recipe:
    locked = Product.objects.select_for_update().get(pk=product.pk)
    last = locked.recipes.aggregate(last=models.Max("number"))["last"] or 0
    if draft.seen is not None and draft.seen != last:
        raise _taken(product)
    set_scope_model(actor, product.project, APP, product.key, model)
    version = resolve(actor, product.project, APP, scope=product.key)
    before = operating_point(version, product.project, product.key)
    data = {
        **before.data,
        **draft.settings,
        "mm_per_pixel": draft.mm_per_pixel,
        "picture": picture.model_dump(mode="json"),
    }
    changed = before.scope != product.key or Point.model_validate(before.data) != _point(data)
    point = (
        set_operating_point(actor, product.project, version, data, draft.note, scope=product.key)
        if changed
        else before
    )
    recipe = Recipe.objects.create(
        product=locked,
        number=last + 1,
        model=model,
        operating_point=point,
        views=views,
        reference=reference,
        note=draft.note[:300],
        created_by=actor.user,
    )
    locked.recipe = product.recipe = recipe
    locked.save(update_fields=["recipe"])
    told = {
        "product": product.key,
        "number": recipe.number,
        "model": model.name if model else "",
        "operating_point": point.number,
        "views": views,
    }
    record_audit(actor, product.project, "recipe.saved", f"product:{product.pk}", told)
    return recipe


def _point(data: Mapping[str, Any]) -> Point | None:
    """`data` as the schema reads it; None where it does not, which setting it will explain."""
    try:
        return Point.model_validate(dict(data))
    except ValidationError:
        return None


def _taken(product: Product) -> Taken:
    return Taken(
        _(
            "Somebody else saved a recipe of %(name)s since you opened it. Look at theirs, then "
            "save yours again."
        )
        % {"name": product.name}
    )


def models_to_choose(actor: Actor, product: Product) -> "models.QuerySet[Model]":
    """The models a recipe can name."""
    return visible_models(actor, product.project, APP).filter(versions__stage="production")

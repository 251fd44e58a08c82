"""Products: make, rename, archive."""

from collections.abc import Sequence
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

from apps.defect_detection.models import Product
from apps.defect_detection.services.errors import Taken, Unusable
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require, visible


def choices(project_id: UUID) -> Sequence[tuple[str, str]]:
    """The products that can be named in a form; see `FactChoices`."""
    rows = Product.objects.filter(project_id=project_id, archived=False).order_by("name", "key")
    return list(rows.values_list("key", "name")[:500])


def listing(actor: Actor, project: Project) -> "models.QuerySet[Product]":
    """The project's products by name.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    return (
        Product.objects.filter(project=project)
        .select_related("project", "recipe__model", "recipe__operating_point")
        .order_by("archived", "name", "key")
    )


def find(actor: Actor, project: Project, key: str) -> Product:
    """The product called `key`.

    Raises:
        NotVisible: there is none.
    """
    rows = visible(Product.objects.filter(project=project, key=key), actor)
    found = rows.select_related("project", "recipe__model", "recipe__operating_point").first()
    if found is None:
        raise NotVisible(_("There is no product %(key)r that you can see.") % {"key": key})
    return found


def create(actor: Actor, project: Project, *, key: str, name: str) -> Product:
    """Make a product; its first recipe is saved by `recipes.save`.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: `key` is no slug, or `name` is empty.
        Taken: there is a product called `key`.
    """
    require(actor, Action.MANAGE_MODELS, project)
    key, name = valid_key(key), valid_name(name)
    try:
        with transaction.atomic():
            product = Product.objects.create(project=project, key=key, name=name)
            record_audit(
                actor, project, "product.made", f"product:{product.pk}", {"key": key, "name": name}
            )
    except IntegrityError as error:
        raise Taken(
            _("There is a product called %(key)r already: choose another key.") % {"key": key},
            field="key",
        ) from error
    return product


@transaction.atomic
def change(
    actor: Actor, product: Product, *, name: str | None = None, archived: bool | None = None
) -> Product:
    """Rename a product, or archive it and bring it back. Its key stays: senders name it.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: `name` is empty.
    """
    require(actor, Action.MANAGE_MODELS, product.project)
    told: dict[str, object] = {}
    if name is not None and valid_name(name) != product.name:
        told["name"] = product.name = valid_name(name)
    if archived is not None and archived != product.archived:
        told["archived"] = product.archived = archived
    if told:
        product.save(update_fields=list(told))
        record_audit(actor, product.project, "product.changed", f"product:{product.pk}", told)
    return product


def valid_key(key: str) -> str:
    """`key` as senders will write it.

    Raises:
        Unusable: it is no slug of at most 60 characters.
    """
    key = key.strip()
    try:
        validate_slug(key)
    except ValidationError:
        key = ""
    if not 1 <= len(key) <= 60:
        raise Unusable(
            _(
                "A key has 1 to 60 letters without accents, digits, hyphens and underscores, e.g. "
                "bracket-7."
            ),
            field="key",
        )
    return key


def valid_name(name: str) -> str:
    """`name` as people will read it.

    Raises:
        Unusable: it is empty, too long or no plain text.
    """
    name = name.strip()
    if not 1 <= len(name) <= 120 or not name.isprintable():
        raise Unusable(_("A name has 1 to 120 characters of plain text."), field="name")
    return name

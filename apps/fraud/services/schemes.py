"""What a project's transactions are about: the newest version counts, changes are new versions."""

import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, models, transaction
from django.utils.translation import gettext as _

from apps.fraud.models import ProjectSecret, SchemeVersion
from apps.fraud.scheme import CARD_PAYMENTS, Scheme
from apps.fraud.services import mappings, rates, ready
from apps.fraud.services.errors import Taken, Unusable
from apps.fraud.services.scheme_problems import problems
from loupe.host.people import Action, Actor, Project, record_audit, require
from loupe.host.results import executing


def of(project_id: UUID) -> Scheme:
    """The scheme that holds now; card payments until somebody declares another."""
    # Each batch that is written down asks; putting such a query together takes Django longer than
    # all else of it, and so does a row of it.
    field = SchemeVersion._meta.get_field("project")
    project = field.get_db_prep_value(project_id, connection)
    with executing(connection) as ask:
        newest = ask(_newest(connection.vendor), [project], True)
    if not newest:
        return CARD_PAYMENTS
    ((sha256,),) = newest
    return _read(project_id, sha256)


@lru_cache(maxsize=4)
def _newest(_vendor: str) -> str:
    """The question for the hash of a project's newest version."""
    rows = SchemeVersion.objects.filter(project_id=UUID(int=0)).order_by("-number")
    return str(rows.values_list("sha256")[:1].query.sql_with_params()[0])


@lru_cache(maxsize=256)
def _read(project_id: UUID, sha256: str) -> Scheme:
    rows = SchemeVersion.objects.filter(project_id=project_id, sha256=sha256)
    return Scheme.model_validate(rows.order_by("-number")[0].data)


def declared_fields(project_id: UUID) -> dict[str, Any]:
    """What operating points follow; see `loupe.contract.app.DomainApp.declared_fields`."""
    newest = SchemeVersion.objects.filter(project_id=project_id).order_by("-number").first()
    told: dict[str, Any] = dict(ready.declared(project_id))
    if newest is not None:
        told["scheme"] = Scheme.model_validate(newest.data).model_dump(mode="json")
    return told


def context(project_id: UUID, facts: Mapping[str, str]) -> dict[str, Any]:
    """What reading and live state must know of the project; see `loupe.contract.context`."""
    scheme = of(project_id)
    told: dict[str, Any] = {
        "scheme": scheme.model_dump(mode="json"),
        "scheme_sha256": scheme.sha256,
    }
    if any(entity.hashed or entity.built_from for entity in scheme.entities):
        told["hash_key"] = hash_key(project_id)
    if told_rates := rates.of(project_id, scheme.currency):
        told["rates"] = told_rates
    if facts.get("mapping"):
        told["mapping"] = mappings.of(project_id, facts["mapping"])
    if facts.get("start"):
        told["start"] = facts["start"]
    return told


def hash_key(project_id: UUID) -> str:
    """The project's secret for hashes of identifiers, hexadecimal; made when it is first needed."""
    found, _made = ProjectSecret.objects.get_or_create(
        project_id=project_id, defaults={"hash_key": secrets.token_hex(32)}
    )
    return found.hash_key


def history(actor: Actor, project: Project) -> "models.QuerySet[SchemeVersion]":
    """Every version, newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    rows = SchemeVersion.objects.filter(project=project)
    return rows.select_related("created_by").order_by("-number")


def save(
    actor: Actor, project: Project, data: Mapping[str, Any], note: str = "", seen: int = 0
) -> SchemeVersion:
    """Declare the next version.

    Args:
        seen: the number of the version it was made from; 0: none.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: it is no scheme; the message says where.
        Taken: somebody else saved meanwhile.
    """
    require(actor, Action.MANAGE_MODELS, project)
    for place, problem in problems(data).items():
        raise Unusable(f"{place}: {problem}", field=place)
    scheme = Scheme.model_validate(data)
    newest = SchemeVersion.objects.filter(project=project).order_by("-number").first()
    number = newest.number if newest else 0
    late = Taken(_("Somebody else saved a version meanwhile: look at it, then change it again."))
    if seen != number:
        raise late
    try:
        with transaction.atomic():
            made = SchemeVersion.objects.create(
                project=project,
                number=number + 1,
                data=scheme.model_dump(mode="json"),
                sha256=scheme.sha256,
                note=note.strip()[:300],
                created_by=actor.user,
            )
            told = {"number": made.number, "sha256": made.sha256}
            record_audit(actor, project, "scheme.saved", f"scheme:{made.pk}", told)
    except IntegrityError as error:
        raise late from error
    return made

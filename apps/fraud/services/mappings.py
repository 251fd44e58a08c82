"""Saved meanings of columns: guessed from a file, corrected by a person, named by submissions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as SlugError
from django.core.validators import validate_slug
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _
from pydantic import ValidationError

from apps.fraud.models import MappingVersion
from apps.fraud.scheme import Scheme
from apps.fraud.services import declaring
from apps.fraud.services.errors import Taken, Unusable
from apps.fraud.tables.mapping import Mapping as Columns
from apps.fraud.tables.since import is_ahead
from apps.fraud.tables.starts import said_twice, start_of
from loupe.contract.facts import FactRefused
from loupe.contract.runtime.errors import InputRefused
from loupe.host.blobs import Blob
from loupe.host.engine import render
from loupe.host.people import Action, Actor, Project, record_audit, require

GUESSED = "apps.fraud.guessed:guessed"


def newest(project_id: UUID) -> "models.QuerySet[MappingVersion]":
    """The version of each name that counts, by name."""
    last = (
        MappingVersion.objects.filter(project=project_id, key=models.OuterRef("key"))
        .order_by("-number")
        .values("pk")[:1]
    )
    rows = MappingVersion.objects.filter(project=project_id, pk=models.Subquery(last))
    return rows.select_related("created_by").order_by("key")


def choices(project_id: UUID) -> Sequence[tuple[str, str]]:
    """The mappings that a form offers; see `FactChoices`."""
    return [(row.key, row.key) for row in newest(project_id)[:200]]


def of(project_id: UUID, key: str) -> dict[str, Any] | None:
    """The mapping called `key`, as JSON; None: there is none."""
    found = newest(project_id).filter(key=key).first()
    return dict(found.data) if found else None


def check_facts(project_id: UUID, facts: Mapping[str, str]) -> Mapping[str, str]:
    """See `loupe.contract.facts.CheckFacts`: a mapping that is named exists, a start is a time."""
    key = facts.get("mapping", "")
    if facts.get("start"):
        _check_start(facts["start"], key)
    if key and of(project_id, key) is None:
        known = ", ".join(key for key, _name in choices(project_id)) or "none"
        raise FactRefused(
            f"mapping={key[:60]!r} is not saved in this project; there are: {known}. Leave it out "
            "to have the columns guessed.",
            field="mapping",
        )
    return facts


def _check_start(start: str, mapping: str) -> None:
    try:
        start_of(start)
    except InputRefused as error:
        raise FactRefused(error.message, field="start", code=error.code) from error
    if mapping:
        twice = said_twice()
        raise FactRefused(twice.message, field="start", code=twice.code)


def guess(actor: Actor, project: Project, scheme: Scheme, file: Blob) -> dict[str, Any]:
    """What a file's columns may mean, as `apps.fraud.tables.guessing.Guess.as_json`; the file is
    read in the sandbox.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        InputRefused: it cannot be read.
        TemporarilyUnavailable: the engine is away.
    """
    require(actor, Action.MANAGE_MODELS, project)
    told = render(GUESSED, file, {"scheme": scheme.model_dump(mode="json")})
    found: dict[str, Any] = json.loads(told)
    return found


def save(
    actor: Actor, project: Project, scheme: Scheme, key: str, data: Mapping[str, Any]
) -> MappingVersion:
    """Save the next version of a mapping.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: the name is no slug, or the mapping does not hold; the message says why.
        Taken: somebody else saved it at the same moment.
    """
    require(actor, Action.MANAGE_MODELS, project)
    key = _key(key)
    try:
        mapping = Columns.model_validate(data)
    except ValidationError as error:
        place, problem = declaring.first(error, "mapping")
        raise Unusable(
            _("%(place)s: %(problem)s.") % {"place": place, "problem": problem},
            field="mapping",
        ) from error
    for column in (mapping.time, mapping.label_time):
        if column is not None and is_ahead(column, mapping.ahead):
            raise Unusable(
                _(
                    "%(column)s counts from %(start)s, which is still to come: give the start of "
                    "what is in the file."
                )
                % {"column": column.column, "start": f"{column.zero:%Y-%m-%d %H:%M UTC}"},
                field="mapping",
            )
    if misfits := mapping.misfits(scheme):
        raise Unusable(misfits[0], field="mapping")
    last = MappingVersion.objects.filter(project=project, key=key).order_by("-number").first()
    try:
        with transaction.atomic():
            made = MappingVersion.objects.create(
                project=project,
                key=key,
                number=(last.number if last else 0) + 1,
                data=mapping.model_dump(mode="json"),
                created_by=actor.user,
            )
            told = {"key": key, "number": made.number, "sha256": mapping.sha256}
            record_audit(actor, project, "mapping.saved", f"mapping:{made.pk}", told)
    except IntegrityError as error:
        raise Taken(
            _("Somebody else saved a version meanwhile: look at it, then change it again.")
        ) from error
    return made


def _key(key: str) -> str:
    key = key.strip()
    try:
        validate_slug(key)
    except SlugError:
        key = ""
    if not 1 <= len(key) <= 60:
        raise Unusable(
            _("A name has 1 to 60 letters without accents, digits, hyphens and underscores."),
            field="key",
        )
    return key

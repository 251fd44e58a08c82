"""The operating point that decides in a project, and the next one: a part of it changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.fraud.app import App
from apps.fraud.schema import OperatingPoint
from apps.fraud.services import drafts, publishing
from apps.fraud.services.errors import AskedFirst
from loupe.host.models import ModelVersion, operating_point, resolve, set_operating_point
from loupe.host.models import OperatingPoint as Stored
from loupe.host.people import Action, Actor, Project, require


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """What decides now: the version of the model, its point as it is stored, and what it says."""

    version: ModelVersion
    stored: Stored
    point: OperatingPoint


def now(actor: Actor, project: Project) -> Deciding:
    """What decides about transactions that name no model. Ask the policy before.

    Raises:
        NotVisible: the project does not exist for the actor.
        NoModel: no model is in production.
    """
    version = resolve(actor, project, App.slug)
    stored = operating_point(version, project)
    return Deciding(
        version=version, stored=stored, point=OperatingPoint.model_validate(stored.data)
    )


def change(
    actor: Actor,
    project: Project,
    fields: Mapping[str, Any],
    note: str,
    *,
    certificate: Mapping[str, Any] | None = None,
) -> Stored:
    """Write the next operating point: as the one that decides, but for `fields`.

    Args:
        certificate: of thresholds that are part of `fields`; None: the present one goes on.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        NoModel: no model is in production.
        OperatingPointInvalid: a value is not allowed.
        ModelConflict: somebody set one at the same moment.
        AskedFirst: the project demands a second person; the point is a draft now, and asked for.
    """
    require(actor, Action.MANAGE_MODELS, project)
    present = now(actor, project)
    if project.second_person:
        _ask(actor, project, present, fields, note, certificate)
    return set_operating_point(
        actor,
        project,
        present.version,
        {**present.stored.data, **fields},
        note,
        certificate=present.stored.certificate if certificate is None else certificate,
    )


def _ask(
    actor: Actor,
    project: Project,
    present: Deciding,
    fields: Mapping[str, Any],
    note: str,
    certificate: Mapping[str, Any] | None,
) -> None:
    """Keep the next point as a draft and ask that it decides.

    Raises:
        AskedFirst: always, once that is done.
    """
    draft = drafts.save(
        actor,
        project,
        present.version,
        {**present.stored.data, **fields},
        note,
        certificate=present.stored.certificate if certificate is None else certificate,
    )
    reason = note.strip() or _("Draft %(number)s") % {"number": draft.number}
    publishing.ask(actor, project, reason, draft=draft)
    raise AskedFirst(
        _(
            "This project demands a second person: it is kept as draft %(number)s and asked for, "
            "and decides when somebody else agrees on the page Trials, Publish."
        )
        % {"number": draft.number}
    )

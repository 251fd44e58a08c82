"""Studies and deliveries as pages and REST show them: what may be seen, and the words for it."""

import json
import uuid
from collections.abc import Mapping
from typing import Final

from django.db import models
from django.utils.translation import gettext as _

from apps.report_gen.clinical import identity, installed
from apps.report_gen.clinical.errors import Missing
from apps.report_gen.models import Delivery, Study, StudyState
from apps.report_gen.services import arriving, clinical_text
from apps.report_gen.services.reporting.errors import Closed
from apps.report_gen.services.reporting.slugs import SLUG
from loupe.host import models as models_of
from loupe.host.people import (
    Action,
    Actor,
    NotVisible,
    Project,
    record_audit,
    require,
    visible,
)

COMING: Final = (StudyState.ARRIVING, StudyState.WAITING, StudyState.READING)


def listing(actor: Actor, project: Project, state: str = "") -> "models.QuerySet[Study]":
    """Studies of a project, newest first; `state` as in `StudyState`, empty: all."""
    rows = visible(Study.objects.filter(project=project), actor)
    if state:
        rows = rows.filter(state=state)
    return rows.select_related("project", "result").order_by("-arrived_at", "-pk")


def find(actor: Actor, project: Project, study_id: uuid.UUID) -> Study:
    """One study.

    Raises:
        NotVisible: there is none that the actor can see.
    """
    found = listing(actor, project).filter(pk=study_id).first()
    if found is None:
        raise NotVisible(_("There is no such study that you can see."))
    return found


def find_delivery(actor: Actor, project: Project, delivery_id: uuid.UUID) -> Delivery:
    """One delivery.

    Raises:
        NotVisible: there is none that the actor can see.
    """
    found = visible(Delivery.objects.filter(project=project), actor).filter(pk=delivery_id).first()
    if found is None:
        raise NotVisible(_("There is no such delivery that you can see."))
    return found


def of_delivery(actor: Actor, delivery: Delivery) -> list[Study]:
    """The studies that came with it, in the order they came."""
    rows = {str(each.pk): each for each in listing(actor, delivery.project).filter(
        pk__in=delivery.studies)}  # fmt: skip
    return [rows[key] for key in delivery.studies if key in rows]


def unusable(actor: Actor, delivery: Delivery) -> list[dict[str, str]]:
    """Files that cannot be used, by the names they came under: for who sent them, nobody else."""
    mine = actor.user is not None and delivery.user_id == actor.user.pk
    if not delivery.told or not (mine or delivery.sent_by == actor.label):
        return []
    try:
        with installed.store().open(delivery.told) as stream:
            found: list[dict[str, str]] = json.loads(stream.read())
    except Missing:
        return []
    return found


def say(actor: Actor, study: Study, said: Mapping[str, str]) -> bool:
    """Keep a study's clinical text, and have it read again where that is anything new.

    Raises:
        Denied, NotVisible: the actor may not submit here.
        InputRefused: a text is too long.
    """
    require(actor, Action.SUBMIT, study.project)
    if not clinical_text.keep(study, said):
        return False
    record_audit(actor, study.project, "study.text", f"study:{study.pk}", {"fields": sorted(said)})
    if study.state in (StudyState.DRAFTED, StudyState.REFUSED, StudyState.FAILED):
        arriving.read_again(study)
    return True


def reads(actor: Actor, project: Project) -> bool:
    """Whether a model is in production that reads the project's studies."""
    return bool(models_of.usable(actor, project, SLUG))


def again(actor: Actor, study: Study) -> None:
    """Have a study read again that failed, e.g. once there is a model.

    Raises:
        Denied, NotVisible: the actor may not submit here.
        Closed: the study did not fail.
    """
    require(actor, Action.SUBMIT, study.project)
    if study.state != StudyState.FAILED:
        raise Closed(_("This study has not failed: there is nothing to read again."))
    record_audit(actor, study.project, "study.read_again", f"study:{study.pk}", {})
    arriving.read_again(study)


def kept_of(study: Study) -> dict[str, str]:
    """The same for services that add to it and show it to nobody."""
    return clinical_text.of(study)


def said_of(actor: Actor, study: Study) -> dict[str, str]:
    """A study's clinical text; empty for who may not see identities, since it may name people."""
    if not identity.may_look(actor, study.project):
        return {}
    return clinical_text.of(study)

"""Operating points that decide nothing yet: to be tried by backtest and shadow, and published."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _
from pydantic import ValidationError

from apps.fraud.models import PointDraft, RuleSet, ThresholdFit
from apps.fraud.schema import OperatingPoint
from apps.fraud.services import declaring
from apps.fraud.services.errors import Taken, Unusable
from loupe.host.models import ModelVersion, operating_point, visible_versions
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require, visible


def save(
    actor: Actor,
    project: Project,
    version: ModelVersion,
    data: Mapping[str, Any],
    note: str = "",
    *,
    certificate: Mapping[str, Any] | None = None,
) -> PointDraft:
    """Keep an operating point for `version` that decides nothing.

    Args:
        data: of `apps.fraud.schema.OperatingPoint`; what is left out has its default.
        certificate: how it was fitted; None: by hand.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: a value is not allowed; the message names it.
        Taken: somebody else saved at the same moment.
    """
    require(actor, Action.MANAGE_MODELS, project)
    version = visible_versions(actor, project, "fraud").get(pk=version.pk)
    try:
        point = OperatingPoint.model_validate(dict(data))
    except ValidationError as error:
        field, problem = declaring.first(error, "point")
        raise Unusable(
            _("%(field)s: %(problem)s.") % {"field": field, "problem": problem},
            field=field,
        ) from error
    last = PointDraft.objects.filter(project=project).aggregate(last=models.Max("number"))
    try:
        with transaction.atomic():
            made = PointDraft.objects.create(
                project=project,
                number=(last["last"] or 0) + 1,
                version=version,
                data=point.model_dump(mode="json"),
                certificate=None if certificate is None else dict(certificate),
                note=note.strip()[:300],
                created_by=actor.user,
            )
            told = {"number": made.number, "version": str(version), "note": made.note}
            record_audit(actor, project, "point.drafted", f"point_draft:{made.pk}", told)
    except IntegrityError as error:
        raise Taken(_("Somebody else saved a draft meanwhile: save yours again.")) from error
    return made


def listing(actor: Actor, project: Project) -> "models.QuerySet[PointDraft]":
    """Every draft, newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    return _of(project)


def _of(project: Project) -> "models.QuerySet[PointDraft]":
    rows = PointDraft.objects.filter(project=project)
    return rows.select_related("version__model", "created_by").order_by("-number")


def find(actor: Actor, project: Project, number: int) -> PointDraft:
    """One draft by its number.

    Raises:
        NotVisible: there is none that the actor can see.
    """
    found = visible(_of(project), actor).filter(number=number).first()
    if found is None:
        raise NotVisible(_("There is no draft %(number)s.") % {"number": number})
    return found


def from_choice(
    actor: Actor, project: Project, version: ModelVersion, choice: str, cuts: Mapping[str, float]
) -> PointDraft | None:
    """A draft of what a form offers; None: the point that the version has here.

    Args:
        choice: empty, ``draft:N``, ``fit:N`` (a proposal of thresholds), ``rules:N`` (a version of
            the project's rules) or ``cuts`` (the cut-offs in `cuts`, for all amounts).

    Raises:
        NotVisible, Denied: the actor may not, or what is named is not there.
        Unusable: a cut-off is not allowed.
    """
    kind, _colon, number = choice.partition(":")
    if not kind:
        return None
    if kind != "cuts" and not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Unusable(_("Choose an operating point to try."), field="point")
    if kind == "draft":
        return find(actor, project, int(number))
    require(actor, Action.MANAGE_MODELS, project)
    base = dict(operating_point(version, project).data)
    if kind == "fit":
        fit = ThresholdFit.objects.filter(project=project, pk=int(number)).first()
        if fit is None:
            raise NotVisible(_("There is no proposal %(number)s.") % {"number": number})
        certificate = fit.certificate if fit.model_version_id == version.pk else None
        note = _("Proposal %(number)s") % {"number": number}
        return save(
            actor, project, version, {**base, "bands": fit.bands}, note, certificate=certificate
        )
    if kind == "rules":
        rules = RuleSet.objects.filter(project=project, number=int(number)).first()
        if rules is None:
            raise NotVisible(_("There are no rules %(number)s.") % {"number": number})
        note = _("Rules %(number)s") % {"number": number}
        told = {**base, "rules": rules.data, "rules_version": rules.number}
        return save(actor, project, version, told, note)
    if kind != "cuts":
        raise Unusable(_("Choose an operating point to try."), field="point")
    bands = [{**band, **cuts} for band in base["bands"]]
    said = ", ".join(f"{key} {value:g}" for key, value in cuts.items())
    return save(actor, project, version, {**base, "bands": bands}, said)

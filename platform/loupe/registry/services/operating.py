"""Operating points: thresholds as numbered versions, each project its own."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _
from pydantic import ValidationError

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM, Action, Actor, require
from loupe.audit.services import record
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.contract.runtime.steps import load
from loupe.plugins import registry as apps
from loupe.registry.errors import ConsentRefused, ModelConflict, NoModel, OperatingPointInvalid
from loupe.registry.models import ModelVersion, OperatingPoint
from loupe.registry.services.resolve import visible_versions


def operating_point(version: ModelVersion, project: Project, scope: str = "") -> OperatingPoint:
    """The point that decides in `project` about `scope`: the scope's newest, else the project's
    newest, else the version's first.

    A scope that was set up under another version keeps what the app calls its `scope_fields`: they
    are joined with this version's thresholds in a new point of the scope. So does a project with
    the app's `project_fields`; and its `declared_fields` are always what the project declares.

    Raises:
        NoModel: the version has none, which only a damaged database shows.
    """
    found = (
        OperatingPoint.objects.filter(model_version=version)
        .filter(models.Q(project=project, scope__in={"", scope}) | models.Q(project=None))
        .order_by(models.F("project").asc(nulls_last=True), models.F("scope").desc(), "-number")
        .first()
    )
    if found is None:
        raise NoModel(
            _("%(version)s has no operating point. Set one on the model's page.")
            % {"version": version}
        )
    if found.scope != scope:
        found = _carried(version, project, scope, found)
    return _following(version, project, scope, found)


def _following(
    version: ModelVersion, project: Project, scope: str, found: OperatingPoint
) -> OperatingPoint:
    """`found`, or the point after it: with what belongs to the project, and what it declares."""
    app = apps.get(version.model.app)
    wanted: dict[str, Any] = {}
    if found.project_id is None and app.project_fields:
        before = (
            OperatingPoint.objects.filter(
                project=project, scope=scope, model_version__model__app=app.slug
            )
            .order_by("-pk")
            .first()
        )
        data = before.data if before is not None else {}
        wanted = {name: data[name] for name in app.project_fields if name in data}
    if app.declared_fields is not None:
        wanted |= load(app.declared_fields)(project.pk)
    if all(found.data.get(name) == value for name, value in wanted.items()):
        return found
    valid = validated(app.slug, {**found.data, **wanted})
    if valid == found.data:
        return found
    changed = ", ".join(name for name in valid if valid[name] != found.data.get(name))
    try:
        return _next(
            SYSTEM,
            project,
            version,
            found.scope,
            valid,
            note=f"Follows the project: {changed}.",
            certificate=found.certificate,
        )
    except IntegrityError:
        # Another process wrote it at the same moment.
        return operating_point(version, project, scope)


def _carried(
    version: ModelVersion, project: Project, scope: str, thresholds: OperatingPoint
) -> OperatingPoint:
    """The first point of `scope` under `version`; `thresholds` itself where the scope has none."""
    app = version.model.app
    before = (
        OperatingPoint.objects.filter(project=project, scope=scope, model_version__model__app=app)
        .select_related("model_version__model")
        .order_by("-pk")
        .first()
    )
    fields = apps.get(app).scope_fields
    if before is None or not fields:
        return thresholds
    kept = {name: before.data[name] for name in fields if before.data.get(name) is not None}
    try:
        return _next(
            SYSTEM,
            project,
            version,
            scope,
            validated(app, {**thresholds.data, **kept}),
            note=f"Thresholds of this version; {', '.join(kept)} from {before.model_version}.",
        )
    except IntegrityError:
        # Another process carried it over at the same moment.
        return operating_point(version, project, scope)


def set_operating_point(
    actor: Actor,
    project: Project,
    version: ModelVersion,
    data: Mapping[str, Any],
    note: str = "",
    *,
    scope: str = "",
    certificate: Mapping[str, Any] | None = None,
    agreed: bool = False,
) -> OperatingPoint:
    """Write the next operating point of `version` in `project`; older ones stay as they are.

    Args:
        scope: what it decides about, e.g. a product; empty: everything without one of its own.
        certificate: how it was fitted (limit, confidence, samples); None: set by hand.
        agreed: a second person has agreed, or an earlier point comes back.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        ConsentRefused: the project and the app demand a second person, who has not agreed.
        OperatingPointInvalid: a value is not allowed; the message names field and range.
        ModelConflict: somebody set one at the same moment.
    """
    require(actor, Action.MANAGE_MODELS, project)
    version = visible_versions(actor, project).get(pk=version.pk)
    if project.second_person and not agreed and apps.get(version.model.app).points_need_consent:
        raise ConsentRefused(
            _(
                "This project demands a second person: ask for the operating point on the app's "
                "own pages, then somebody agrees."
            )
        )
    valid = validated(version.model.app, data)
    try:
        return _next(actor, project, version, scope, valid, note, certificate)
    except IntegrityError as error:
        raise ModelConflict(
            _(
                "Somebody else set the operating point of %(version)s at the same moment. Look at "
                "theirs, then set yours again."
            )
            % {"version": version}
        ) from error


@transaction.atomic
def _next(
    actor: Actor,
    project: Project,
    version: ModelVersion,
    scope: str,
    valid: dict[str, Any],
    note: str,
    certificate: Mapping[str, Any] | None = None,
) -> OperatingPoint:
    """Number, write, audit and tell; an IntegrityError means that somebody else took the number."""
    mine = OperatingPoint.objects.filter(model_version=version, project=project)
    last = mine.aggregate(last=models.Max("number"))["last"] or 0
    point = OperatingPoint.objects.create(
        model_version=version,
        project=project,
        scope=scope,
        number=last + 1,
        data=valid,
        certificate=None if certificate is None else dict(certificate),
        note=note[:300],
        created_by=actor.user,
    )
    facts = {"model": version.model.name, "version": version.number, "number": point.number}
    facts |= {"scope": scope} if scope else {}
    record(
        actor,
        project,
        "operating_point.set",
        f"operating_point:{point.pk}",
        {**facts, "data": valid, "note": point.note, "certificate": point.certificate},
    )
    publish(project, Kind.OPERATING_POINT_SET, point.pk, facts)
    return point


def first_point(version: ModelVersion, actor: Actor) -> OperatingPoint:
    """Write the point every version starts with: its manifest's proposal, else the defaults."""
    return OperatingPoint.objects.create(
        model_version=version,
        project=None,
        number=1,
        data=validated(version.model.app, version.manifest.get("operating_point") or {}),
        created_by=actor.user,
    )


def validated(app: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` completed with defaults and checked by the app's schema, as plain JSON.

    Raises:
        OperatingPointInvalid: a value is not allowed.
    """
    schema = apps.get(app).operating_point_schema
    try:
        return schema.model_validate(dict(data)).model_dump(mode="json")
    except ValidationError as error:
        fields = {_field(found["loc"]): _sentence(found) for found in error.errors()}
        known = ", ".join(schema.model_fields)
        raise OperatingPointInvalid(
            _("%(problems)s. The fields are: %(known)s.")
            % {
                "problems": "; ".join(f"{field}: {said}" for field, said in fields.items()),
                "known": known,
            },
            fields,
        ) from error


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "operating point"


def _sentence(found: Any) -> str:
    given = found["input"]
    if found["type"] == "extra_forbidden":
        return _("there is no such field")
    if found["type"] == "missing":
        return _("a value is required")
    if found["type"] == "value_error":
        return str(found["ctx"]["error"]).rstrip(".")
    return _("%(rule)s (got %(given)r)") % {"rule": found["msg"], "given": given}

"""Operating points: thresholds as numbered versions, each project its own."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _
from pydantic import ValidationError

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.plugins import registry as apps
from loupe.registry.errors import ModelConflict, NoModel, OperatingPointInvalid
from loupe.registry.models import ModelVersion, OperatingPoint
from loupe.registry.services.resolve import visible_versions


def operating_point(version: ModelVersion, project: Project) -> OperatingPoint:
    """The point that decides in `project`: its own newest, else the version's first.

    Raises:
        NoModel: the version has none, which only a damaged database shows.
    """
    found = (
        OperatingPoint.objects.filter(model_version=version)
        .filter(models.Q(project=project) | models.Q(project=None))
        .order_by(models.F("project").asc(nulls_last=True), "-number")
        .first()
    )
    if found is None:
        raise NoModel(
            _("%(version)s has no operating point. Set one on the model's page.")
            % {"version": version}
        )
    return found


def set_operating_point(
    actor: Actor,
    project: Project,
    version: ModelVersion,
    data: Mapping[str, Any],
    note: str = "",
) -> OperatingPoint:
    """Write the next operating point of `version` in `project`; older ones stay as they are.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        OperatingPointInvalid: a value is not allowed; the message names field and range.
        ModelConflict: somebody set one at the same moment.
    """
    require(actor, Action.MANAGE_MODELS, project)
    version = visible_versions(actor, project).get(pk=version.pk)
    valid = validated(version.model.app, data)
    mine = OperatingPoint.objects.filter(model_version=version, project=project)
    try:
        with transaction.atomic():
            last = mine.aggregate(last=models.Max("number"))["last"] or 0
            point = OperatingPoint.objects.create(
                model_version=version,
                project=project,
                number=last + 1,
                data=valid,
                note=note[:300],
                created_by=actor.user,
            )
            facts = {"model": version.model.name, "version": version.number, "number": point.number}
            record(
                actor,
                project,
                "operating_point.set",
                f"operating_point:{point.pk}",
                {**facts, "data": valid, "note": point.note},
            )
            publish(project, Kind.OPERATING_POINT_SET, point.pk, facts)
    except IntegrityError as error:
        raise ModelConflict(
            _(
                "Somebody else set the operating point of %(version)s at the same moment. Look at "
                "theirs, then set yours again."
            )
            % {"version": version}
        ) from error
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

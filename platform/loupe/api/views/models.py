"""Models, their versions and operating points."""

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action, require
from loupe.api import describe, present
from loupe.api.answers import answer, ordered, parameter
from loupe.api.endpoint import Endpoint, named_project
from loupe.api.idempotency import LastStep, idempotent, idempotent_last_step
from loupe.api.paging import newest_first
from loupe.api.shapes.models import (
    ModelDetail,
    ModelPage,
    ModelShape,
    OperatingPointOrder,
    OperatingPointPage,
    OperatingPointShape,
    StageOrder,
    VersionShape,
)
from loupe.api.uploads import RawBody, app_named, discarding, named, sources
from loupe.registry import services
from loupe.registry.models import Model, ModelVersion, OperatingPoint, Stage
from loupe.training import promotion

_MANAGE = Action.MANAGE_MODELS
_NAME = OpenApiParameter("name", str, description="The model's name; also taken from the form.")


def version_shape(row: ModelVersion) -> VersionShape:
    """One version."""
    return VersionShape(
        number=row.number,
        stage=row.stage,
        artefact_sha256=row.artefact_sha256,
        manifest=row.manifest,
        created_by=present.who(row.created_by),
        created_at=row.created_at,
    )


def _point(row: OperatingPoint) -> OperatingPointShape:
    return OperatingPointShape(
        number=row.number,
        scope=row.scope,
        data=row.data,
        certificate=row.certificate,
        note=row.note,
        created_by=present.who(row.created_by),
        created_at=row.created_at,
    )


def _fields(row: Model) -> dict[str, Any]:
    production = [each for each in row.versions.all() if each.stage == Stage.PRODUCTION]
    return {
        "id": row.pk,
        "app": row.app,
        "name": row.name,
        "shared": row.project_id is None,
        "description": row.description,
        "production": production[0].number if production else None,
        "created_at": row.created_at,
    }


class Models(Endpoint):
    """The models a project can use."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": _MANAGE}
    parser_classes = (MultiPartParser, RawBody)

    @extend_schema(
        operation_id="models_list",
        parameters=[describe.PROJECT, describe.APP_FILTER, *describe.PAGING],
        responses={200: ModelPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List the project's own models and those shipped with Loupe, newest first."""
        app = parameter(request, "app") or None
        rows = services.visible_models(self.actor, self.project, app).prefetch_related("versions")
        shown, cursor = newest_first(request, rows, lambda row: ModelShape(**_fields(row)))
        return answer(ModelPage(models=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="models_upload",
        parameters=[
            describe.PROJECT,
            describe.APP_HERE_OR_IN_FORM,
            _NAME,
            describe.FILENAME,
            describe.IDEMPOTENCY_KEY,
        ],
        request=describe.files(app=describe.APP, name=_NAME),
        responses={201: VersionShape, **describe.PROBLEMS},
    )
    @idempotent_last_step
    def post(self, request: Request) -> LastStep:
        """Upload a model file as the next version; it is checked, then a candidate."""
        with discarding(sources(request)) as found:
            made = services.upload(
                self.actor,
                self.project,
                app_named(request).slug,
                named(request, "name"),
                found[0].path,
                found[0].name,
            )
        location = reverse("api:model-version", args=[made.model_id, made.number])
        return lambda: answer(version_shape(made), 201, {"Location": location})


class ModelEndpoint(Endpoint):
    """A view of one model: the project's own, or a shared one.

    A shared model is seen from one project: the key's, or the one the caller names.
    """

    model: Model

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        missing = NotVisible(f"There is no model {kwargs['model_id']} that you can see.")
        if kwargs["model_id"] >= 2**63:
            raise missing
        row = Model.objects.select_related("project").filter(pk=kwargs["model_id"]).first()
        if row is None:
            raise missing
        if row.project is None:
            self.project = named_project(self.actor, request.query_params.get("project"))
        else:
            self.project = row.project
        seen = services.visible_models(self.actor, self.project).filter(pk=row.pk)
        found = seen.prefetch_related("versions__created_by").first()
        if found is None:
            raise missing
        self.model = found
        require(self.actor, action, self.project)


class OneModel(ModelEndpoint):
    """One model."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="models_get",
        parameters=[describe.PROJECT],
        responses={200: ModelDetail, **describe.PROBLEMS},
    )
    def get(self, request: Request, model_id: int) -> Response:
        """Show a model with its versions, newest first."""
        versions = sorted(self.model.versions.all(), key=lambda row: -row.number)
        return answer(
            ModelDetail(**_fields(self.model), versions=[version_shape(row) for row in versions])
        )


class VersionEndpoint(ModelEndpoint):
    """A view of one version."""

    version: ModelVersion

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        versions = self.model.versions.select_related("model__project", "created_by")
        found = (
            versions.filter(number=kwargs["number"]).first() if kwargs["number"] < 2**31 else None
        )
        if found is None:
            raise NotVisible(f"Model {self.model.name!r} has no version {kwargs['number']}.")
        self.version = found


class OneVersion(VersionEndpoint):
    """One version."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="models_version",
        parameters=[describe.PROJECT],
        responses={200: VersionShape, **describe.PROBLEMS},
    )
    def get(self, request: Request, model_id: int, number: int) -> Response:
        """Show a version with its manifest."""
        return answer(version_shape(self.version))


class VersionStage(VersionEndpoint):
    """Promote or retire a version."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="models_stage",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=StageOrder,
        responses={200: VersionShape, 202: VersionShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int, number: int) -> Response:
        """Put a candidate into production, or take a version out of use.

        `202` where the project demands a second person: the version stays a candidate until
        somebody else agrees, see `models_approve`.
        """
        order = ordered(request, StageOrder)
        if order.stage == "retired":
            return answer(version_shape(services.retire(self.actor, self.version, order.reason)))
        made = promotion.promote(self.actor, self.version, order.reason)
        return answer(version_shape(made.version), 202 if made.waiting else 200)


class OperatingPoints(VersionEndpoint):
    """What turns a version's scores into decisions."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": _MANAGE}

    def points(self) -> "QuerySet[OperatingPoint]":
        """The project's own points and the one the version came with."""
        mine = Q(project=self.project) | Q(project=None)
        return OperatingPoint.objects.filter(mine, model_version=self.version).select_related(
            "created_by"
        )

    @extend_schema(
        operation_id="models_operating_points",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: OperatingPointPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, model_id: int, number: int) -> Response:
        """List operating points, newest first; the first one decides."""
        shown, cursor = newest_first(request, self.points(), _point)
        return answer(OperatingPointPage(operating_points=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="models_set_operating_point",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=OperatingPointOrder,
        responses={201: OperatingPointShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int, number: int) -> Response:
        """Set new thresholds for this project; earlier ones stay on record."""
        order = ordered(request, OperatingPointOrder)
        made = services.set_operating_point(
            self.actor, self.project, self.version, order.data, order.note
        )
        return answer(_point(made), 201)

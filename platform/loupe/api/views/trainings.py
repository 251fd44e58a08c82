"""Trainings and evaluations: start, follow, cancel, go on."""

import uuid
from typing import ClassVar

from django.db import models
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, visible
from loupe.api import describe, present_trainings, training_events
from loupe.api.answers import answer, ordered, parameter
from loupe.api.endpoint import Endpoint, RowEndpoint
from loupe.api.idempotency import idempotent
from loupe.api.paging import newest_first
from loupe.api.shapes.trainings import (
    EvaluationOrder,
    EvaluationPage,
    SourceList,
    TrainingDetail,
    TrainingOrder,
    TrainingPage,
    TrainingShape,
    TrainingSourceShape,
)
from loupe.api.views.models import VersionEndpoint
from loupe.datasets.models import DatasetVersion
from loupe.registry import services as registry
from loupe.training import gathering, services
from loupe.training.errors import TrainingRefused
from loupe.training.models import Run, RunKind, RunState


def dataset_version(
    actor: Actor, project: Project, dataset: uuid.UUID, number: int | None
) -> DatasetVersion:
    """A version of one of the project's datasets; the newest where none is named.

    Raises:
        NotVisible: there is none.
    """
    rows = visible(DatasetVersion.objects.all(), actor, "dataset__project")
    rows = rows.filter(dataset__project=project, dataset=dataset).select_related("dataset__project")
    if number is not None:
        rows = rows.filter(number=number) if 0 < number < 2**31 else rows.none()
    found = rows.order_by("-number").first()
    if found is None:
        which = "any version" if number is None else f"a version {number}"
        raise NotVisible(f"There is no dataset {dataset} with {which} that you can see.")
    return found


def ordered_data(
    actor: Actor, project: Project, app: str, order: TrainingOrder | EvaluationOrder
) -> DatasetVersion:
    """The data an order names: a version of a dataset, or a source as it is now.

    Raises:
        NotVisible: there is no such dataset.
        TrainingRefused: neither or both are named, or the app has no sources.
        InputRefused: there is no such source, or it is empty.
    """
    if (order.dataset is None) == (order.source is None):
        raise TrainingRefused("Name either dataset or source.", code="data_not_named")
    if order.source is not None:
        return gathering.freeze(actor, project, app, order.source)
    if order.dataset is None:
        raise TrainingRefused("Name a dataset.", code="data_not_named")
    return dataset_version(actor, project, order.dataset, order.dataset_version)


class Sources(Endpoint):
    """What an app can train on beside datasets that people label."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="trainings_sources",
        parameters=[
            describe.PROJECT,
            OpenApiParameter("app", str, required=True, description="The app's slug."),
        ],
        responses={200: SourceList, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List the project's sources: its own log, uploaded tables."""
        found = gathering.sources(self.project, parameter(request, "app"))
        return answer(
            SourceList(sources=[TrainingSourceShape(key=key, words=said) for key, said in found])
        )


class Trainings(Endpoint):
    """All trainings and evaluations of a project."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.TRAIN}

    @extend_schema(
        operation_id="trainings_list",
        parameters=[
            describe.PROJECT,
            describe.APP_FILTER,
            OpenApiParameter("state", str, enum=RunState.values, description="Only those in it."),
            OpenApiParameter("kind", str, enum=RunKind.values, description="Only this kind."),
            *describe.PAGING,
        ],
        responses={200: TrainingPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List trainings and evaluations, newest first."""
        rows = present_trainings.runs().filter(project=self.project)
        wanted = {
            "app": parameter(request, "app"),
            "state": parameter(request, "state", tuple(RunState.values)),
            "kind": parameter(request, "kind", tuple(RunKind.values)),
        }
        rows = rows.filter(**{name: value for name, value in wanted.items() if value})
        shown, cursor = newest_first(request, rows, present_trainings.run)
        return answer(TrainingPage(trainings=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="trainings_start",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=TrainingOrder,
        responses={202: TrainingShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Queue a training. It begins when the device is free; follow it by its events."""
        order = ordered(request, TrainingOrder)
        base = None
        if order.base_model is not None:
            base = registry.resolve(
                self.actor, self.project, order.app, order.base_model, order.base_version
            )
        made = services.start(
            self.actor,
            self.project,
            app=order.app,
            model_name=order.model,
            dataset_version=ordered_data(self.actor, self.project, order.app, order),
            config=order.config,
            base=base,
            seed=order.seed,
        )
        return _accepted(made)


def _accepted(made: Run) -> Response:
    location = reverse("api:training", args=[made.pk])
    row = present_trainings.runs().get(pk=made.pk)
    return answer(present_trainings.run(row), 202, {"Location": location})


class TrainingEndpoint(RowEndpoint[Run]):
    """A view of one training or evaluation."""

    key = "training_id"

    def rows(self) -> "models.QuerySet[Run]":
        return present_trainings.runs()


class OneTraining(TrainingEndpoint):
    """One training or evaluation."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="trainings_get", responses={200: TrainingDetail, **describe.PROBLEMS}
    )
    def get(self, request: Request, training_id: uuid.UUID) -> Response:
        """Show a training with its figures and the end of its log."""
        return answer(present_trainings.run_detail(self.row))


class CancelTraining(TrainingEndpoint):
    """Stop a training."""

    policy: ClassVar = {"POST": Action.TRAIN}

    @extend_schema(
        operation_id="trainings_cancel",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=None,
        responses={200: TrainingShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, training_id: uuid.UUID) -> Response:
        """Cancel a training that waits or runs; its last checkpoint is kept."""
        services.cancel(self.actor, self.row)
        return answer(present_trainings.run(self.rows().get(pk=self.row.pk)))


class ResumeTraining(TrainingEndpoint):
    """Go on with a training."""

    policy: ClassVar = {"POST": Action.TRAIN}

    @extend_schema(
        operation_id="trainings_resume",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=None,
        responses={202: TrainingShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, training_id: uuid.UUID) -> Response:
        """Queue a failed or cancelled training again; it goes on from its last checkpoint."""
        services.resume(self.actor, self.row)
        return answer(present_trainings.run(self.rows().get(pk=self.row.pk)), 202)


class TrainingEvents(TrainingEndpoint):
    """A training as it happens."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="trainings_events",
        parameters=[
            OpenApiParameter(
                "Last-Event-ID",
                str,
                OpenApiParameter.HEADER,
                description="Sent by browsers that reconnect: figures they have do not come again.",
            )
        ],
        responses={(200, "text/event-stream"): str, **describe.PROBLEMS},
    )
    def get(self, request: Request, training_id: uuid.UUID) -> StreamingHttpResponse:
        """Stream `training` events (see TrainingShape) and `metrics` events (see MetricsShape)
        until the training ends, then one `end`."""
        return training_events.stream(request, self.row)


class Evaluations(VersionEndpoint):
    """What a version scored."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.TRAIN}

    @extend_schema(
        operation_id="models_evaluations",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: EvaluationPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, model_id: int, number: int) -> Response:
        """List a version's evaluations on the project's datasets, newest first."""
        rows = services.evaluations(self.version, self.project)
        shown, cursor = newest_first(request, rows, present_trainings.evaluation)
        return answer(EvaluationPage(evaluations=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="models_evaluate",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=EvaluationOrder,
        responses={202: TrainingShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int, number: int) -> Response:
        """Queue an evaluation of the version on one of the project's datasets."""
        order = ordered(request, EvaluationOrder)
        data = ordered_data(self.actor, self.project, self.version.model.app, order)
        return _accepted(services.evaluate(self.actor, self.version, data))

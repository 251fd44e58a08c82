"""Cameras and other HTTP sources: made, changed, tried out, asked at once, deleted."""

import uuid
from typing import ClassVar

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from loupe.accounts.policy import Action
from loupe.api import describe
from loupe.api.answers import answer, ordered, parameter
from loupe.api.endpoint import Endpoint, RowEndpoint
from loupe.api.idempotency import LastStep, idempotent, idempotent_last_step
from loupe.api.paging import newest_first
from loupe.api.shapes.sources import (
    SourceChange,
    SourceOrder,
    SourcePage,
    SourceShape,
    SourceTried,
)
from loupe.sources import services
from loupe.sources.models import HttpSource

_MANAGE = Action.MANAGE_SCHEDULES


def _shown(row: HttpSource) -> SourceShape:
    return SourceShape(
        id=row.pk,
        project=row.project.slug,
        app=row.app,
        name=row.name,
        url=row.url,
        username=row.username,
        has_password=bool(row.password),
        model=row.model_name,
        facts=row.facts,
        interval_seconds=row.interval_seconds,
        enabled=row.enabled,
        next_at=row.next_at if row.enabled else None,
        asked_at=row.asked_at,
        taken_at=row.taken_at,
        taken=row.taken,
        unchanged=row.unchanged,
        failures=row.failures,
        last_job=row.last_job_id,
        error=row.error,
        note=row.note,
        created_at=row.created_at,
    )


class Sources(Endpoint):
    """Addresses that are asked for pictures."""

    policy: ClassVar = {"GET": _MANAGE, "POST": _MANAGE}

    @extend_schema(
        operation_id="sources_list",
        parameters=[describe.PROJECT, describe.APP_FILTER, *describe.PAGING],
        responses={200: SourcePage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List sources, newest first."""
        rows = HttpSource.objects.filter(project=self.project).select_related("project")
        app = parameter(request, "app")
        if app:
            rows = rows.filter(app=app)
        shown, cursor = newest_first(request, rows, _shown)
        return answer(SourcePage(sources=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="sources_create",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=SourceOrder,
        responses={201: SourceShape, **describe.PROBLEMS},
    )
    @idempotent_last_step
    def post(self, request: Request) -> LastStep:
        """Ask an address for pictures from now on. Each new one becomes a submission."""
        order = ordered(request, SourceOrder)
        given = order.model_dump(exclude={"app", "model"})
        made = services.create(
            self.actor, self.project, app=order.app, model_name=order.model, **given
        )
        location = reverse("api:source", args=[made.pk])
        return lambda: answer(_shown(made), 201, {"Location": location})


class SourceEndpoint(RowEndpoint[HttpSource]):
    """A view of one source."""

    key = "source_id"

    def rows(self) -> "models.QuerySet[HttpSource]":
        return HttpSource.objects.select_related("project")


class OneSource(SourceEndpoint):
    """One source."""

    policy: ClassVar = {"GET": _MANAGE, "PATCH": _MANAGE, "DELETE": _MANAGE}

    @extend_schema(operation_id="sources_get", responses={200: SourceShape, **describe.PROBLEMS})
    def get(self, request: Request, source_id: uuid.UUID) -> Response:
        """Show a source, with what came of it."""
        return answer(_shown(self.row))

    @extend_schema(
        operation_id="sources_change",
        request=SourceChange,
        responses={200: SourceShape, **describe.PROBLEMS},
    )
    def patch(self, request: Request, source_id: uuid.UUID) -> Response:
        """Change a source; fields left out stay."""
        order = ordered(request, SourceChange)
        given = order.model_dump(exclude={"model"})
        return answer(
            _shown(services.update(self.actor, self.row, model_name=order.model, **given))
        )

    @extend_schema(operation_id="sources_delete", responses={204: None, **describe.PROBLEMS})
    def delete(self, request: Request, source_id: uuid.UUID) -> Response:
        """Stop asking; what was submitted stays."""
        services.delete(self.actor, self.row)
        return Response(status=204)


class TrySource(SourceEndpoint):
    """See what a source gives."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="sources_test",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=None,
        responses={200: SourceTried, **describe.PROBLEMS},
    )
    @idempotent_last_step
    def post(self, request: Request, source_id: uuid.UUID) -> LastStep:
        """Ask once now and say what came. Nothing is submitted."""
        found = services.try_out(self.actor, self.row)
        return lambda: answer(SourceTried(**vars(found)))


class AskSource(SourceEndpoint):
    """Ask a source without waiting for its time."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="sources_ask",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=None,
        responses={202: SourceShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, source_id: uuid.UUID) -> Response:
        """Ask within seconds; a new picture becomes a submission."""
        return answer(_shown(services.ask_now(self.actor, self.row)), 202)

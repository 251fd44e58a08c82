"""Schedules: made, changed, run by hand, deleted; and their history."""

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
from loupe.api.shapes.schedules import (
    RunPage,
    RunShape,
    ScheduleChange,
    ScheduleOrder,
    SchedulePage,
    ScheduleShape,
)
from loupe.schedules import services
from loupe.schedules.models import Schedule, ScheduleRun
from loupe.schedules.timing import Timing

_MANAGE = Action.MANAGE_SCHEDULES


def _shown(row: Schedule) -> ScheduleShape:
    return ScheduleShape(
        id=row.pk,
        project=row.project.slug,
        app=row.app,
        task=row.task,
        name=row.name,
        options=row.options,
        cron=row.cron,
        interval_seconds=row.interval_seconds,
        time_zone=row.time_zone,
        skip_if_running=row.skip_if_running,
        enabled=row.enabled,
        next_run=services.next_run(row),
        created_at=row.created_at,
    )


def _run(row: ScheduleRun) -> RunShape:
    return RunShape(
        id=row.pk,
        state=row.state,
        started_at=row.started_at,
        ended_at=row.ended_at,
        job=row.job_id,
        outcome=row.outcome,
        by_hand=row.by_hand,
    )


def _rows() -> "models.QuerySet[Schedule]":
    return Schedule.objects.select_related("project", "periodic_task")


class Schedules(Endpoint):
    """A project's timetable."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": _MANAGE}

    @extend_schema(
        operation_id="schedules_list",
        parameters=[describe.PROJECT, describe.APP_FILTER, *describe.PAGING],
        responses={200: SchedulePage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List schedules, newest first."""
        rows = _rows().filter(project=self.project)
        app = parameter(request, "app")
        if app:
            rows = rows.filter(app=app)
        shown, cursor = newest_first(request, rows, _shown)
        return answer(SchedulePage(schedules=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="schedules_create",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=ScheduleOrder,
        responses={201: ScheduleShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Put something on the timetable: a folder's inspection, or a task of the app."""
        order = ordered(request, ScheduleOrder)
        made = services.create(
            self.actor,
            self.project,
            order.app,
            order.task,
            order.name,
            Timing(
                cron=order.cron,
                interval_seconds=order.interval_seconds,
                time_zone=order.time_zone,
            ),
            options=order.options,
            skip_if_running=order.skip_if_running,
            enabled=order.enabled,
        )
        location = reverse("api:schedule", args=[made.pk])
        return answer(_shown(made), 201, {"Location": location})


class ScheduleEndpoint(RowEndpoint[Schedule]):
    """A view of one schedule."""

    key = "schedule_id"

    def rows(self) -> "models.QuerySet[Schedule]":
        return _rows()


class OneSchedule(ScheduleEndpoint):
    """One schedule."""

    policy: ClassVar = {"GET": Action.VIEW, "PATCH": _MANAGE, "DELETE": _MANAGE}

    @extend_schema(
        operation_id="schedules_get", responses={200: ScheduleShape, **describe.PROBLEMS}
    )
    def get(self, request: Request, schedule_id: uuid.UUID) -> Response:
        """Show a schedule."""
        return answer(_shown(self.row))

    @extend_schema(
        operation_id="schedules_change",
        request=ScheduleChange,
        responses={200: ScheduleShape, **describe.PROBLEMS},
    )
    def patch(self, request: Request, schedule_id: uuid.UUID) -> Response:
        """Change a schedule; fields left out stay."""
        order = ordered(request, ScheduleChange)
        changed = services.update(
            self.actor,
            self.row,
            name=order.name,
            timing=self._timing(order),
            options=order.options,
            skip_if_running=order.skip_if_running,
            enabled=order.enabled,
        )
        return answer(_shown(changed))

    def _timing(self, order: ScheduleChange) -> Timing | None:
        """The new time; a cron replaces an interval and the other way round."""
        if order.cron is None and order.interval_seconds is None and order.time_zone is None:
            return None
        replaced = order.cron is not None or order.interval_seconds is not None
        return Timing(
            cron=(order.cron or "") if replaced else self.row.cron,
            interval_seconds=order.interval_seconds if replaced else self.row.interval_seconds,
            time_zone=order.time_zone or self.row.time_zone,
        )

    @extend_schema(operation_id="schedules_delete", responses={204: None, **describe.PROBLEMS})
    def delete(self, request: Request, schedule_id: uuid.UUID) -> Response:
        """Take a schedule off the timetable, with its history."""
        services.delete(self.actor, self.row)
        return Response(status=204)


class RunSchedule(ScheduleEndpoint):
    """Run it now."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="schedules_run",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=None,
        responses={202: RunShape, **describe.PROBLEMS},
    )
    @idempotent_last_step
    def post(self, request: Request, schedule_id: uuid.UUID) -> LastStep:
        """Start a run by hand, also of a schedule that is switched off."""
        run = services.run_now(self.actor, self.row)
        return lambda: answer(_run(run), 202)


class ScheduleRuns(ScheduleEndpoint):
    """A schedule's history."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="schedules_runs",
        parameters=[*describe.PAGING],
        responses={200: RunPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, schedule_id: uuid.UUID) -> Response:
        """List the times a schedule came due, newest first."""
        shown, cursor = newest_first(request, services.history(self.actor, self.row), _run)
        return answer(RunPage(runs=shown, next_cursor=cursor))

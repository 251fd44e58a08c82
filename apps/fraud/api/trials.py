"""Backtests, prices, drafts, shadow runs and publications by REST."""

import uuid
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.fraud.api.paging import page
from apps.fraud.api.trial_shapes import (
    BacktestDetail,
    BacktestOrder,
    BacktestPage,
    BacktestShape,
    DraftOrder,
    DraftPage,
    DraftShape,
    MovedShape,
    PricesOrder,
    PricesShape,
    PublicationPage,
    PublicationShape,
    ShadowOrder,
    ShadowPage,
    ShadowShape,
)
from apps.fraud.models import Backtest, PointDraft, Publication, Shadow
from apps.fraud.operating.compare import Comparison
from apps.fraud.operating.prices import Prices
from apps.fraud.services import (
    backtest_shown,
    backtests,
    candidates,
    drafts,
    prices,
    publishing,
    shadows,
)
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe, idempotent, ordered


def shown(row: Backtest) -> dict[str, Any]:
    """The fields of `BacktestShape`."""
    return {
        "id": row.pk,
        "state": row.state,
        "version": str(row.version),
        "draft": row.draft.number if row.draft else None,
        "job": row.job_id,
        "first_event": row.first_ms,
        "stop_event": row.stop_ms,
        "blocks": len(row.blocks or ()),
        "blocks_done": row.done,
        "blocks_left_out": row.left_out,
        "transactions": row.rows,
        "currency": row.currency,
        "prices": Prices.model_validate(row.prices),
        "prices_are_assumptions": row.assumed,
        "error_code": row.error_code,
        "error": row.error,
        "created_at": row.created_at,
        "ended_at": row.ended_at,
    }


class Backtests(Endpoint):
    """The backtests of a project."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_backtests_list",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: BacktestPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List backtests, newest first."""
        rows = backtests.listing(self.actor, self.project)
        found, more = page(request, rows, "created_at", lambda row: BacktestShape(**shown(row)))
        return answer(BacktestPage(backtests=found, next_cursor=more))

    @extend_schema(
        operation_id="fraud_backtests_begin",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=BacktestOrder,
        responses={202: BacktestShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Ask what a candidate would have done in a past period or on an uploaded table."""
        order = ordered(request, BacktestOrder)
        made = backtests.begin(
            self.actor,
            self.project,
            version=order.model_version,
            draft=order.draft,
            job=order.job,
            start=order.start,
            stop=order.stop,
            silent_honest=order.silent_honest,
        )
        location = reverse("fraud-api:backtest", args=[made.pk])
        return answer(BacktestShape(**shown(made)), 202, {"Location": location})


class BacktestEndpoint(Endpoint):
    """A view of one backtest of the project."""

    row: Backtest

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        self.row = backtests.find(self.actor, self.project, kwargs["backtest_id"])


class OneBacktest(BacktestEndpoint):
    """One backtest."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_backtests_get",
        parameters=[describe.PROJECT],
        responses={200: BacktestDetail, **describe.PROBLEMS},
    )
    def get(self, request: Request, backtest_id: uuid.UUID) -> Response:
        """Show a backtest: how far it is, and what it found."""
        found = self.row.result
        result = Comparison.model_validate(found) if found is not None else None
        return answer(BacktestDetail(**shown(self.row), comparison=result))


class CancelBacktest(BacktestEndpoint):
    """The end of a backtest."""

    policy: ClassVar = {"POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_backtests_cancel",
        parameters=[describe.PROJECT],
        request=None,
        responses={200: BacktestShape, **describe.PROBLEMS},
    )
    def post(self, request: Request, backtest_id: uuid.UUID) -> Response:
        """Stop a backtest."""
        return answer(BacktestShape(**shown(backtests.cancel(self.actor, self.row))))


class BacktestTable(BacktestEndpoint):
    """The figures of a backtest as a table."""

    policy: ClassVar = {"GET": Action.EXPORT}

    @extend_schema(
        operation_id="fraud_backtests_csv",
        parameters=[describe.PROJECT],
        responses={(200, "text/csv"): str, **describe.PROBLEMS},
    )
    def get(self, request: Request, backtest_id: uuid.UUID) -> HttpResponse:
        """The figures as CSV: in all, by outcome and by day, of both sides."""
        data = backtest_shown.as_csv(self.row)
        return HttpResponse(data, content_type="text/csv; charset=utf-8")


class ProjectPrices(Endpoint):
    """What things cost in a project."""

    policy: ClassVar = {"GET": Action.VIEW, "PUT": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_prices_get",
        parameters=[describe.PROJECT],
        responses={200: PricesShape, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Show the prices; until somebody says some they are assumptions."""
        return answer(self._now())

    @extend_schema(
        operation_id="fraud_prices_put",
        parameters=[describe.PROJECT],
        request=PricesOrder,
        responses={200: PricesShape, **describe.PROBLEMS},
    )
    def put(self, request: Request) -> Response:
        """Say what things cost from now on."""
        order = ordered(request, PricesOrder)
        prices.save(self.actor, self.project, order.prices.model_dump(), order.note)
        return answer(self._now())

    def _now(self) -> PricesShape:
        now, said = prices.of(self.project.pk)
        return PricesShape(prices=now, number=said.number if said else 0, assumptions=said is None)


class Drafts(Endpoint):
    """Operating points that decide nothing yet."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_drafts_list",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: DraftPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List drafts, newest first."""
        rows = drafts.listing(self.actor, self.project)
        found, more = page(request, rows, "number", _draft)
        return answer(DraftPage(drafts=found, next_cursor=more))

    @extend_schema(
        operation_id="fraud_drafts_create",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=DraftOrder,
        responses={201: DraftShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Keep an operating point to try; fields left out are those of the version's own."""
        order = ordered(request, DraftOrder)
        base = candidates.candidate(self.actor, self.project, order.model_version)
        told = {**base.point.model_dump(mode="json"), **order.point}
        made = drafts.save(self.actor, self.project, base.version, told, order.note)
        return answer(_draft(made), 201)


class Shadows(Endpoint):
    """Challengers on live traffic."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_shadows_list",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: ShadowPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List shadow runs, newest first, with what would be different."""
        rows = shadows.listing(self.actor, self.project)
        found, more = page(request, rows, "id", _shadow)
        return answer(ShadowPage(shadows=found, next_cursor=more))

    @extend_schema(
        operation_id="fraud_shadows_begin",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=ShadowOrder,
        responses={201: ShadowShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Have a challenger decide along, unseen."""
        order = ordered(request, ShadowOrder)
        made = shadows.begin(
            self.actor, self.project, version=order.model_version, draft=order.draft
        )
        return answer(_shadow(made), 201)


class EndShadow(Endpoint):
    """The end of a shadow run."""

    policy: ClassVar = {"POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_shadows_end",
        parameters=[describe.PROJECT],
        request=None,
        responses={200: ShadowShape, **describe.PROBLEMS},
    )
    def post(self, request: Request, shadow_id: int) -> Response:
        """End a shadow run; what it found stays."""
        found = shadows.find(self.actor, self.project, shadow_id)
        return answer(_shadow(shadows.end(self.actor, found)))


class Publications(Endpoint):
    """Requests to publish."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_publications_list",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: PublicationPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List requests and what became of them, newest first. People ask and answer on the
        page: consent is a person's word."""
        rows = publishing.listing(self.actor, self.project)
        found, more = page(request, rows, "id", _publication)
        return answer(PublicationPage(publications=found, next_cursor=more))


def _draft(row: PointDraft) -> DraftShape:
    return DraftShape(
        number=row.number,
        version=str(row.version),
        note=row.note,
        point=row.data,
        created_at=row.created_at,
    )


def _shadow(row: Shadow) -> ShadowShape:
    return ShadowShape(
        id=row.pk,
        version=str(row.version),
        draft=row.draft.number if row.draft else None,
        started_at=row.started_at,
        ended_at=row.ended_at,
        transactions=row.rows,
        same=row.same,
        blocks_skipped=row.skipped,
        error=row.error,
        moved=[
            MovedShape(
                champion=one.champion,
                challenger=one.challenger,
                transactions=one.rows,
                amount=one.amount,
            )
            for one in shadows.moved(row)
        ],
    )


def _publication(row: Publication) -> PublicationShape:
    return PublicationShape(
        id=row.pk,
        version=str(row.version),
        draft=row.draft.number if row.draft else None,
        state=row.state,
        rolls_back=row.rolls_back,
        reason=row.reason,
        comment=row.comment,
        backtest=row.backtest_id,
        shadow=row.shadow_id,
        requested_at=row.requested_at,
        decided_at=row.decided_at,
    )

"""Rates of exchange by REST."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fraud.api.paging import page
from apps.fraud.api.policy_shapes import ExchangeRateShape, RatePage, RatesOrder, RatesShape
from apps.fraud.models import ExchangeRate
from apps.fraud.services import rates, schemes
from apps.fraud.services.rates import Told
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe, idempotent, ordered, parameter

CURRENCY = OpenApiParameter("currency", str, description="Only of this currency.")


class Rates(Endpoint):
    """What other currencies are worth, and since when."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_rates_get",
        parameters=[describe.PROJECT, CURRENCY, *describe.PAGING],
        responses={200: RatePage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List the rates, those that were told last first."""
        scheme = schemes.of(self.project.pk)
        chosen = parameter(request, "currency")
        rows = rates.listing(self.actor, self.project, scheme, chosen)
        shown, more = page(request, rows.order_by(), "id", _shape)
        return answer(RatePage(rates=shown, next_cursor=more))

    @extend_schema(
        operation_id="fraud_rates_tell",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=RatesOrder,
        responses={200: RatesShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Keep rates, all or none; one of the same currency and moment is replaced."""
        order = ordered(request, RatesOrder)
        told = [
            Told(currency=one.currency, moment=one.since, rate=one.rate, place=f"rates[{at}]")
            for at, one in enumerate(order.rates)
        ]
        made = rates.tell(
            self.actor,
            self.project,
            schemes.of(self.project.pk),
            told,
            inverse=order.inverse,
            source="rest",
        )
        return answer(RatesShape(new=made.new, changed=made.changed, same=made.same))


class RemoveRate(Endpoint):
    """Take a rate away."""

    policy: ClassVar = {"POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_rates_remove",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=None,
        responses={204: None, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """Remove a rate; what was scored with it stays as it was."""
        rates.remove(self.actor, self.project, number)
        return Response(status=204)


def _shape(row: ExchangeRate) -> ExchangeRateShape:
    return ExchangeRateShape(
        id=row.pk,
        currency=row.currency,
        base=row.base,
        from_time=row.from_ms,
        rate=row.rate,
        who=row.who,
        told_at=row.told_at,
    )

"""The scheme by REST: what holds, and the next one with what it does."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fraud.api.policy_shapes import (
    EffectShape,
    SchemeOrder,
    SchemeSavedShape,
    SchemeShape,
)
from apps.fraud.scheme import Scheme
from apps.fraud.services import scheme_effects, scheme_problems, schemes
from apps.fraud.services.errors import Unusable
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe, idempotent, ordered


class SchemeOfProject(Endpoint):
    """What the project's transactions are about."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_scheme_get",
        parameters=[describe.PROJECT],
        responses={200: SchemeShape, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """The scheme that holds."""
        newest = schemes.history(self.actor, self.project).first()
        scheme = schemes.of(self.project.pk)
        number = newest.number if newest else 0
        return answer(SchemeShape(number=number, sha256=scheme.sha256, data=scheme))

    @extend_schema(
        operation_id="fraud_scheme_save",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=SchemeOrder,
        responses={200: SchemeSavedShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Declare the next scheme; with ``dry_run`` only say what it would do."""
        order = ordered(request, SchemeOrder)
        for place, problem in scheme_problems.problems(order.data).items():
            raise Unusable(f"data.{place}: {problem}", field=f"data.{place}")
        old, new = schemes.of(self.project.pk), Scheme.model_validate(order.data)
        told = scheme_effects.of_change(self.actor, self.project, old, new)
        number = order.seen
        if not order.dry_run:
            made = schemes.save(self.actor, self.project, order.data, order.note, order.seen)
            number = made.number
        effects = [EffectShape(stops=one.stops, en=one.text.en, zh=one.text.zh) for one in told]
        shape = SchemeSavedShape(saved=not order.dry_run, number=number, effects=effects)
        return answer(shape)

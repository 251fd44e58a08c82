"""Which version decides: promote, agree, decline, take back, go back."""

from collections.abc import Callable
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.api import describe, present_trainings
from loupe.api.answers import answer, ordered
from loupe.api.idempotency import idempotent
from loupe.api.paging import newest_first
from loupe.api.shapes.models import VersionShape
from loupe.api.shapes.trainings import (
    ConsentOrder,
    GateShape,
    PromotedShape,
    PromotionOrder,
    PromotionPage,
    PromotionShape,
    RollbackOrder,
)
from loupe.api.views.models import ModelEndpoint, VersionEndpoint, version_shape
from loupe.registry import services as registry
from loupe.registry.models import ModelVersion, PromotionRequest
from loupe.registry.services import consent
from loupe.training import promotion

_MANAGE = Action.MANAGE_MODELS


class Gate(VersionEndpoint):
    """What has to hold."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="models_gate",
        parameters=[describe.PROJECT],
        responses={200: GateShape, **describe.PROBLEMS},
    )
    def get(self, request: Request, model_id: int, number: int) -> Response:
        """Show what has to hold before the version goes into production, and whether it does."""
        found = promotion.gate(self.version)
        return answer(GateShape(open=found.open, rows=list(found.rows)))


class Promote(ModelEndpoint):
    """Put a version into production."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="models_promote",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=PromotionOrder,
        responses={200: PromotedShape, 202: PromotedShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int) -> Response:
        """Put a candidate into production: `200`. Where the project demands a second person the
        wish waits for somebody else's consent: `202`."""
        order = ordered(request, PromotionOrder)
        version = _numbered(self, order.version)
        extra = {"replacing": order.replacing} if "replacing" in order.model_fields_set else {}
        made = promotion.promote(self.actor, version, order.reason, **extra)
        waiting = present_trainings.promotion(made.waiting) if made.waiting else None
        shape = PromotedShape(version=version_shape(made.version), waiting=waiting)
        return answer(shape, 202 if waiting else 200)


def _numbered(view: ModelEndpoint, number: int) -> ModelVersion:
    versions = view.model.versions.select_related("model__project", "created_by")
    found = versions.filter(number=number).first()
    if found is None:
        raise NotVisible(f"Model {view.model.name!r} has no version {number}.")
    return found


class Approve(ModelEndpoint):
    """Agree to a promotion."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="models_approve",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=ConsentOrder,
        responses={200: VersionShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int) -> Response:
        """Agree to somebody else's wish; the version goes into production at once. Persons only."""
        order = ordered(request, ConsentOrder)
        asked = consent.waiting(self.model, order.version)
        return answer(version_shape(promotion.approve(self.actor, asked, order.comment)))


class _Answer(ModelEndpoint):
    """An answer that leaves the version a candidate."""

    def given(self, request: Request, verb: Callable[..., PromotionRequest]) -> Response:
        order = ordered(request, ConsentOrder)
        asked = consent.waiting(self.model, order.version)
        return answer(present_trainings.promotion(verb(self.actor, asked, order.comment)))


class Decline(_Answer):
    """Refuse a promotion."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="models_decline",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=ConsentOrder,
        responses={200: PromotionShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int) -> Response:
        """Decline somebody else's wish, with a comment; the version stays a candidate."""
        return self.given(request, consent.decline)


class Withdraw(_Answer):
    """Take a wish back."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="models_withdraw",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=ConsentOrder,
        responses={200: PromotionShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int) -> Response:
        """Take a waiting wish back; the version stays a candidate."""
        return self.given(request, consent.withdraw)


class Rollback(ModelEndpoint):
    """Go back."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="models_rollback",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=RollbackOrder,
        responses={200: VersionShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int) -> Response:
        """Put the version before back into production, at once; it needs nobody's consent."""
        order = ordered(request, RollbackOrder)
        return answer(version_shape(registry.roll_back(self.actor, self.model, order.reason)))


class Promotions(ModelEndpoint):
    """A model's history."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="models_promotions",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: PromotionPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, model_id: int) -> Response:
        """List who put which version into production when and why, newest first."""
        rows = PromotionRequest.objects.filter(version__model=self.model).select_related(
            "version", "requested_by", "decided_by"
        )
        shown, cursor = newest_first(request, rows, present_trainings.promotion)
        return answer(PromotionPage(promotions=shown, next_cursor=cursor))

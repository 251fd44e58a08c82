"""Parts, what was found on them later, and the figures over them."""

from typing import Any, ClassVar

from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.defect_detection.api import present
from apps.defect_detection.api.shapes import (
    FindingOrder,
    FindingShape,
    PartDetail,
    PartPage,
    QualityShape,
)
from apps.defect_detection.models import Finding, Part
from apps.defect_detection.services import findings, parts, quality
from apps.defect_detection.services.parts import KINDS, OUTCOMES, Filters
from loupe.host.people import Action, NotVisible
from loupe.host.rest import (
    Endpoint,
    answer,
    decode,
    describe,
    encode,
    idempotent,
    limit_of,
    ordered,
)

FILTERS = (
    OpenApiParameter("product", str, description="Only of this product, by key."),
    OpenApiParameter("station", str, description="Only from this station, by key."),
    OpenApiParameter("lot", str, description="Only of this lot."),
    OpenApiParameter("serial", str, description="Only serials that begin with this."),
    OpenApiParameter("outcome", str, enum=OUTCOMES, description="Only with this outcome."),
    OpenApiParameter("kind", str, enum=KINDS, description="Only these."),
    OpenApiParameter("label", str, description="Only with a defect of this class."),
    OpenApiParameter("since", {"type": "string", "format": "date"}, description="From this day."),
    OpenApiParameter("until", {"type": "string", "format": "date"}, description="To this day."),
)


class PartList(Endpoint):
    """The parts of a project."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="defect_detection_parts_list",
        parameters=[describe.PROJECT, *FILTERS, *describe.PAGING],
        responses={200: PartPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List parts, newest first."""
        rows = parts.listing(self.actor, self.project, Filters.read(request.query_params))
        limit, cursor = limit_of(request), request.query_params.get("cursor")
        if cursor is not None:
            last = Part.objects.filter(
                project=self.project, pk=int(str(decode(cursor, int)))
            ).first()
            if last is None:
                rows = rows.none()
            else:
                rows = rows.filter(
                    Q(last_at__lt=last.last_at) | Q(last_at=last.last_at, pk__lt=last.pk)
                )
        found = list(rows[: limit + 1])
        more = encode(found[limit - 1].pk) if len(found) > limit else None
        return answer(
            PartPage(parts=[present.part(row) for row in found[:limit]], next_cursor=more)
        )


class PartEndpoint(Endpoint):
    """A view of one part of the project."""

    part: Part

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        self.part = parts.find(self.actor, self.project, kwargs["part_id"])


class OnePart(PartEndpoint):
    """One part."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="defect_detection_parts_get",
        parameters=[describe.PROJECT],
        responses={200: PartDetail, **describe.PROBLEMS},
    )
    def get(self, request: Request, part_id: int) -> Response:
        """Show a part with its views and what was found on it later."""
        return answer(present.part_detail(self.part))


class Findings(PartEndpoint):
    """What was found on a part later."""

    policy: ClassVar = {"POST": Action.SUBMIT}

    @extend_schema(
        operation_id="defect_detection_findings_create",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=FindingOrder,
        responses={201: FindingShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, part_id: int) -> Response:
        """Report a defect that was found after the inspection. The part is bad from now on; where
        the machine had passed it, it counts as an escape."""
        order = ordered(request, FindingOrder)
        made = findings.report(
            self.actor,
            self.part,
            label=order.label,
            place=order.place,
            note=order.note,
            found_at=order.found_at,
        )
        return answer(present.finding(made), 201)


class WithdrawFinding(PartEndpoint):
    """Take a finding back."""

    policy: ClassVar = {"POST": Action.SUBMIT}

    @extend_schema(
        operation_id="defect_detection_findings_withdraw",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=None,
        responses={200: FindingShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, part_id: int, finding_id: int) -> Response:
        """Withdraw what was reported; it stays in the history."""
        rows = Finding.objects.select_related("part__project").filter(part=self.part)
        found = rows.filter(pk=finding_id).first() if finding_id < 2**63 else None
        if found is None:
            raise NotVisible(f"Part {part_id} has no finding {finding_id} that you can see.")
        return answer(present.finding(findings.withdraw(self.actor, found)))


class QualityFigures(Endpoint):
    """Figures of quality."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="defect_detection_quality",
        parameters=[describe.PROJECT, *FILTERS],
        responses={200: QualityShape, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Escape and overkill with their intervals, Pareto by defect, lot and station, and every
        day of the span; the last 30 days where none is named."""
        found = quality.figures(self.actor, self.project, Filters.read(request.query_params.dict()))
        return answer(present.quality(found))

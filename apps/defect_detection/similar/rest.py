"""REST of similar defects."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.defect_detection.models import Case
from apps.defect_detection.similar import asking
from apps.defect_detection.similar.places import Place
from apps.defect_detection.similar.shapes import PlaceShape, SimilarCaseShape, SimilarShape
from loupe.contract.runtime.errors import InputRefused
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe, limit_of
from loupe.host.results import Result

_PLACE = OpenApiParameter(
    "place", int, description="The number of a box of the result; -1 the whole picture; left out: "
    "its strongest box.",
)  # fmt: skip


class Similar(Endpoint):
    """What looks like a result."""

    policy: ClassVar = {"GET": Action.VIEW}
    result: Result

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        self.result = asking.find(self.actor, self.project, kwargs["result_id"])

    @extend_schema(
        operation_id="defect_detection_results_similar",
        parameters=[describe.PROJECT, _PLACE, describe.PAGING[0]],
        responses={200: SimilarShape, **describe.PROBLEMS},
    )
    def get(self, request: Request, result_id: int) -> Response:
        """Show the confirmed cases that look most like one place of a result."""
        found = asking.ask(self.result, _number(request), limit_of(request))
        return answer(
            SimilarShape(
                result=self.result.pk,
                place=_place(found.place),
                places=[_place(place) for place in found.places],
                cases=[
                    SimilarCaseShape(
                        result=one.result.pk,
                        name=one.result.item.input.name if one.result.item.input else "",
                        likeness=one.likeness,
                        place=_of_case(one.case),
                        outcome=one.result.outcome,
                        verb=one.verb,
                        said_by=one.said_by,
                        created_at=one.result.created_at,
                    )
                    for one in found.cases
                ],
                searched=found.searched,
                waiting=found.waiting,
            )
        )


def _number(request: Request) -> int | None:
    text = request.query_params.get("place")
    if text is None:
        return None
    if not text.lstrip("-").isdecimal() or len(text) > 6:
        raise InputRefused(f"place={text[:20]!r} is no box's number.")
    return int(text)


def _place(place: Place) -> PlaceShape:
    corners = {"x1": place.x1, "y1": place.y1, "x2": place.x2, "y2": place.y2}
    return PlaceShape(place=place.number, label=place.label, **corners)


def _of_case(case: Case) -> PlaceShape:
    corners = {"x1": case.x1, "y1": case.y1, "x2": case.x2, "y2": case.y2}
    return PlaceShape(place=case.place, label=case.label, **corners)

"""Stations, what runs there, and their live state."""

from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.defect_detection.api import present
from apps.defect_detection.api.shapes import RunOrder, StationOrder, Stations, StationShape
from apps.defect_detection.models import Station
from apps.defect_detection.services import live, products, stations
from apps.defect_detection.services.live import StationNow
from apps.defect_detection.views.station import stream
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe, idempotent, ordered


class StationList(Endpoint):
    """All stations of a project."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="defect_detection_stations_list",
        parameters=[describe.PROJECT],
        responses={200: Stations, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List stations by name."""
        rows = stations.listing(self.actor, self.project)[:1000]
        return answer(Stations(stations=[present.station(row) for row in rows]))

    @extend_schema(
        operation_id="defect_detection_stations_create",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=StationOrder,
        responses={201: StationShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Make a station. Its key is the fact `station` of submissions."""
        order = ordered(request, StationOrder)
        made = stations.create(
            self.actor,
            self.project,
            key=order.key,
            name=order.name,
            shift_starts=order.shift_starts,
        )
        location = reverse("defect_detection-api:station", args=[made.key])
        return answer(present.station(made), 201, {"Location": location})


class StationEndpoint(Endpoint):
    """A view of one station of the project."""

    station: Station

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        self.station = stations.find(self.actor, self.project, kwargs["key"])


class OneStation(StationEndpoint):
    """One station."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="defect_detection_stations_get",
        parameters=[describe.PROJECT],
        responses={200: StationNow, **describe.PROBLEMS},
    )
    def get(self, request: Request, key: str) -> Response:
        """Show what a station's screen shows: the last part and the counts of the shift."""
        return answer(live.now(self.station))


class RunStation(StationEndpoint):
    """What runs at a station."""

    policy: ClassVar = {"POST": Action.SUBMIT}

    @extend_schema(
        operation_id="defect_detection_stations_run",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=RunOrder,
        responses={200: StationShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Say which product and lot run at a station; pictures that name only the station
        belong to them."""
        order = ordered(request, RunOrder)
        product = products.find(self.actor, self.project, order.product) if order.product else None
        return answer(present.station(stations.run(self.actor, self.station, product, order.lot)))


class StationEvents(StationEndpoint):
    """A station as it happens."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="defect_detection_stations_events",
        parameters=[describe.PROJECT],
        responses={(200, "text/event-stream"): str, **describe.PROBLEMS},
    )
    def get(self, request: Request, key: str) -> StreamingHttpResponse:
        """Stream `station` events (see StationNow), the whole state whenever it changes."""
        return stream(request._request, self.station)

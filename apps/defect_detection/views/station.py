"""The screen beside the line: one picture, one word, live."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.defect_detection.app import App
from apps.defect_detection.models import Station
from apps.defect_detection.services import judging, live, parts, products, stations
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action

POLL_S = 0.25
HEARTBEAT_S = 10.0
HEARTBEAT = b": still here\n\n"


@require_GET
@project_page(section="stations")
def page(request: PageRequest, app: str, key: str) -> HttpResponse:
    """The station's screen; its script keeps it up to date."""
    station = stations.find(request.actor, request.project, key)
    state = live.now(station)
    return render(
        request,
        "defect_detection/station.html",
        {
            "domain": App,
            "station": station,
            "state": state.model_dump(mode="json"),
            "products": products.choices(request.project.pk),
            "words": _words(),
        },
    )


@require_GET
@project_page(section="stations")
def events(request: PageRequest, app: str, key: str) -> StreamingHttpResponse:
    """The station's state as server-sent events, whole each time, whenever it changes."""
    return stream(request, stations.find(request.actor, request.project, key))


@require_POST
@project_page(Action.REVIEW)
def judge(request: PageRequest, app: str, part_id: int) -> HttpResponse:
    """Call a part good or bad."""
    back = request.POST.get("station", "")
    try:
        part = parts.find(request.actor, request.project, part_id)
        judging.judge(request.actor, part, request.POST.get("verb", ""))
        if not back:
            say(request, _("Noted."))
    except LoupeError as error:
        say_refused(request, error)
    name, argument = ("station", back) if _known(request, back) else ("part", part_id)
    address = reverse(f"defect_detection:{name}", args=[request.project.slug, argument])
    return HttpResponseRedirect(address)


def _known(request: PageRequest, key: str) -> bool:
    return Station.objects.filter(project=request.project, key=key).exists()


def stream(request: HttpRequest, station: Station) -> StreamingHttpResponse:
    """Events of one station until the listener leaves."""
    told = _Told(station)
    body: AsyncIterator[bytes] | Iterator[bytes] = (
        _async(told) if isinstance(request, ASGIRequest) else _sync(told)
    )
    response = StreamingHttpResponse(body, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


class _Told:
    """What one listener has heard; `next` says what to send."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._key: tuple[object, ...] | None = None
        self._last = b""
        self._spoke_at = time.monotonic()

    def next(self) -> bytes | None:
        """The bytes that are due now, if any."""
        key = live.state_key(self._station)
        if key != self._key:
            self._key = key
            line = live.now(self._station).model_dump_json().encode()
            if line != self._last:
                self._last, self._spoke_at = line, time.monotonic()
                return b"event: station\ndata: " + line + b"\n\n"
        if time.monotonic() - self._spoke_at >= HEARTBEAT_S:
            self._spoke_at = time.monotonic()
            return HEARTBEAT
        return None

    def next_and_let_go(self) -> bytes | None:
        """As `next`, on a thread of the pool; idle threads hold no connection."""
        try:
            return self.next()
        finally:
            connections.close_all()


async def _async(told: _Told) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    look: Callable[[], bytes | None] = told.next_and_let_go
    while True:
        chunk = await sync_to_async(look, thread_sensitive=False)()
        if chunk is not None:
            yield chunk
        await asyncio.sleep(POLL_S)


def _sync(told: _Told) -> Iterator[bytes]:
    yield b"retry: 1000\n\n"
    while True:
        chunk = told.next()
        if chunk is not None:
            yield chunk
        time.sleep(POLL_S)


def _words() -> dict[str, str]:
    """What the script says."""
    return {
        "pass": _("Pass"),
        "fail": _("Fail"),
        "review": _("Look"),
        "waiting": _("Waiting for the first part"),
        "missing": _("Missing: %names"),
        "unread": _("No serial read"),
        "reviewed": _("Judged by a person"),
        "lost": _("No connection. What is shown may be old."),
        "sound_on": _("Sound on"),
        "sound_off": _("Sound off"),
        "lot": _("Lot %lot"),
        "picture": _("Picture of part %serial"),
        "broken": _("The picture cannot be shown at the moment."),
    }

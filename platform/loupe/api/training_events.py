"""Server-sent events of a training: its state whenever it changes, and each step's figures once.

A client that reconnects gets the state at once and, by ``Last-Event-ID``, only what changed since.
A step that is told again, after a kill, comes again: the later figures count.
"""

import uuid
from datetime import UTC, datetime, timedelta

from django.http import StreamingHttpResponse
from rest_framework.request import Request

from loupe.api import present_trainings, server_events
from loupe.api.server_events import Turn, event
from loupe.api.shapes.trainings import MetricsShape
from loupe.training.models import Run, RunMetrics, RunState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 4_000_000_000_000_000  # microseconds: in the year 2096
ENDED = (RunState.DONE, RunState.FAILED, RunState.CANCELLED)


class Told:
    """What one listener has heard. The id of an event is the moment, in microseconds, of the latest
    figures it has."""

    def __init__(self, run_id: uuid.UUID, last: int) -> None:
        self._run_id = run_id
        self._seen = last
        self._line = ""

    def look(self) -> Turn:
        """One look at the database."""
        run = present_trainings.runs().get(pk=self._run_id)
        sent = b""
        for row in self._fresh():
            self._seen = max(self._seen, _moment(row))
            shape = MetricsShape(step=row.step, values=row.values)
            sent += event("metrics", self._seen, shape)
        shown = present_trainings.run(run)
        line = shown.model_dump_json()
        ended = run.state in ENDED
        if line != self._line:
            self._line = line
            sent += event("training", self._seen, shown)
        if ended:
            sent += event("end", self._seen, shown)
        return Turn(chunk=sent, ended=ended)

    def _fresh(self) -> list[RunMetrics]:
        since = _EPOCH + timedelta(microseconds=min(self._seen, _LATEST))
        rows = RunMetrics.objects.filter(run=self._run_id, at__gt=since)
        return list(rows.order_by("at", "step"))


def _moment(row: RunMetrics) -> int:
    return (row.at - _EPOCH) // timedelta(microseconds=1)


def stream(request: Request, run: Run) -> StreamingHttpResponse:
    """The training until it ends, as ``text/event-stream``."""
    told = Told(run.pk, server_events.last_event_id(request))
    return server_events.stream(request, told.look)

"""Server-sent events of a job's progress.

Each event is the whole truth from the database, so a client that lost some has lost nothing; the
id only tells whether anything changed.
"""

from django.http import StreamingHttpResponse
from rest_framework.request import Request

from loupe.api import server_events
from loupe.api.present import progress_of
from loupe.api.server_events import Turn, event
from loupe.api.shapes.work import ProgressShape
from loupe.jobs.models import Job
from loupe.jobs.progress import progress


class Told:
    """What one listener has heard; says what to send next."""

    def __init__(self, last: int) -> None:
        self._number = last
        self._last = b""

    def next(self, shape: ProgressShape) -> Turn:
        """What is due for this state."""
        line = shape.model_dump_json().encode()
        sent = b""
        if line != self._last:
            self._number += 1
            self._last = line
            sent = event("progress", self._number, shape)
            if shape.ended:
                sent += event("end", self._number + 1, shape)
        return Turn(chunk=sent, ended=shape.ended)


def stream(request: Request, job: Job) -> StreamingHttpResponse:
    """The job's progress until it ends, as ``text/event-stream``."""
    told = Told(server_events.last_event_id(request))
    return server_events.stream(
        request, lambda: told.next(progress_of(progress(Job.objects.get(pk=job.pk))))
    )

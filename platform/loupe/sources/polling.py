"""Asks sources that are due, each under a lease; several at once, so that a slow one holds up none.

A picture counts once: the job that inspects it and the note that it was taken are one transaction.
"""

import logging
import mimetypes
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.policy import SYSTEM
from loupe.blobs.sniff import content
from loupe.blobs.writing import Written
from loupe.contract.runtime.errors import InputRefused, LoupeError
from loupe.intake.errors import SubmissionRefused
from loupe.intake.models import Channel
from loupe.intake.sources import Source
from loupe.jobs import handing
from loupe.jobs import services as jobs
from loupe.jobs.models import OPEN, Job
from loupe.sources import fetching
from loupe.sources.errors import SourceFailed
from loupe.sources.fetching import Fetched, Wanted
from loupe.sources.models import HttpSource

AT_ONCE = 8
LEASE = timedelta(seconds=90)
"""Longer than a fetch may take, so that two workers never ask the same source at once."""
LONGEST_WAIT_S = 300

log = logging.getLogger(__name__)


def poll_due() -> list[Job]:
    """Ask the sources that are due, at most `AT_ONCE` of them; the jobs that were started."""
    claimed = _claim()
    if not claimed:
        return []
    started = []
    with ThreadPoolExecutor(len(claimed), thread_name_prefix="source") as pool:
        asked = {pool.submit(_fetched, _wanted(source)): source for source in claimed}
        for answer in as_completed(asked):
            # Each as it comes: pictures of cameras that work never wait for one that is dead.
            job = _dealt_with(asked[answer], answer.result())
            if job is not None:
                started.append(job)
    return started


def _claim() -> list[HttpSource]:
    """Due sources, leased to this caller. One whose last picture still waits is put off."""
    now = timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    due = HttpSource.objects.filter(free, enabled=True, next_at__lte=now).order_by("next_at")
    found = list(due.select_related("project")[:AT_ONCE])
    waiting = _waiting(found)
    claimed = []
    for source in found:
        if source.last_job_id in waiting:
            HttpSource.objects.filter(free, pk=source.pk).update(
                next_at=now + timedelta(seconds=source.interval_seconds),
                note=_("The last picture is still waiting to be inspected."),
            )
            continue
        source.lease_until = now + LEASE
        if HttpSource.objects.filter(free, pk=source.pk, enabled=True).update(
            lease_until=source.lease_until
        ):
            claimed.append(source)
    return claimed


def _waiting(sources: Sequence[HttpSource]) -> set[object]:
    """The jobs of these sources that have not ended."""
    ids = [source.last_job_id for source in sources if source.last_job_id is not None]
    return set(Job.objects.filter(pk__in=ids, state__in=OPEN).values_list("pk", flat=True))


def _wanted(source: HttpSource) -> Wanted:
    return Wanted(
        url=source.url,
        username=source.username,
        password=source.password,
        etag=source.etag,
        last_modified=source.last_modified,
    )


def _fetched(wanted: Wanted) -> Fetched | LoupeError:
    """In a thread of its own; never asks the database."""
    try:
        return fetching.fetch(wanted)
    except LoupeError as error:
        return error


def _dealt_with(source: HttpSource, answer: Fetched | LoupeError) -> Job | None:
    """Write down what came; a new picture starts a job."""
    written = answer.written if isinstance(answer, Fetched) else None
    try:
        if isinstance(answer, LoupeError):
            raise answer
        if written is None or written.sha256 == source.last_sha256:
            # A picture that could not be used is the trouble for as long as it is the same.
            _settle(source, answer, unchanged=F("unchanged") + 1, error=source.refusal)
            return None
        return _submitted(source, answer, written)
    except LoupeError as error:
        log.warning("source %s: %s", source.name, error.message)
        _failed(source, error, written)
        return None
    finally:
        if written is not None:
            written.path.unlink(missing_ok=True)


def _submitted(source: HttpSource, answer: Fetched, written: Written) -> Job:
    if handing.takes_over(source.app):
        raise InputRefused(
            f"{source.app} keeps its files itself and takes none from cameras and HTTP sources: "
            "remove this source, and send by upload, REST or a watched folder.",
            code="source_not_taken",
        )
    now = timezone.now()
    name = _file_name(source, written, now)
    submission, version = jobs.receive(
        SYSTEM,
        source.project,
        source.app,
        Channel.HTTP,
        [Source.spooled(name, written)],
        source.name,
        source.model_name or None,
        source.facts,
    )
    with transaction.atomic():
        job = jobs.start(SYSTEM, submission, version)
        _settle(
            source,
            answer,
            last_sha256=written.sha256,
            last_job_id=job.pk,
            refusal="",
            taken=F("taken") + 1,
            taken_at=now,
        )
    return job


def _settle(source: HttpSource, answer: Fetched, **changes: object) -> None:
    """The answer was good: on to the next one, if the source is still this caller's."""
    now = timezone.now()
    good: dict[str, object] = {
        "etag": answer.etag,
        "last_modified": answer.last_modified,
        "asked_at": now,
        "next_at": _next(source, now, source.interval_seconds),
        "lease_until": None,
        "failures": 0,
        "error": "",
        "note": "",
    }
    HttpSource.objects.filter(pk=source.pk, lease_until=source.lease_until).update(
        **(good | changes)
    )


def _failed(source: HttpSource, error: LoupeError, written: Written | None) -> None:
    """Say what went wrong, and ask less and less often while it does."""
    now = timezone.now()
    wait = min(source.interval_seconds * 2 ** min(source.failures + 1, 12), LONGEST_WAIT_S)
    told = error.message if isinstance(error, SourceFailed) else f"{error.message} ({error.code})"
    changes: dict[str, object] = {}
    if written is not None and isinstance(error, SubmissionRefused):
        # The picture itself cannot be used: the same one is not tried again and again.
        changes = {"last_sha256": written.sha256, "refusal": told}
    HttpSource.objects.filter(pk=source.pk, lease_until=source.lease_until).update(
        asked_at=now,
        next_at=now + timedelta(seconds=max(wait, source.interval_seconds)),
        lease_until=None,
        failures=F("failures") + 1,
        error=told,
        note="",
        etag="",
        last_modified="",
        **changes,
    )


def _next(source: HttpSource, now: datetime, seconds: int) -> datetime:
    """On the beat of the interval, without making up for beats that were missed."""
    following = source.next_at + timedelta(seconds=seconds)
    return following if following > now else now + timedelta(seconds=seconds)


def _file_name(source: HttpSource, written: Written, now: datetime) -> str:
    """The source and the moment, with the ending of what the content is."""
    ending = mimetypes.guess_extension(content.media_type(written.path)) or ""
    moment = now.strftime("%Y%m%dT%H%M%S") + f".{now.microsecond // 1000:03d}Z"
    stem = source.name.replace("/", "-").replace("\\", "-")
    return f"{stem} {moment}{ending}"

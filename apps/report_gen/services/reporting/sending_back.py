"""What happens after a result and after a signature, away from the page that caused it.

A signed version that is to go back stands in a row (`ReportReturn`) from the signature on. Whoever
works on it holds it by a lease; `recovering` finds those that wait, so a message that is lost, a
broker that is away or a worker that is killed costs time and no report.
"""

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from apps.report_gen.dicom import outbox
from apps.report_gen.models import ReportReturn, ReportVersion, SendingState, Study
from apps.report_gen.services.reporting import outputs, volumes, wakeups
from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable
from loupe.host.people import SYSTEM

log = logging.getLogger("loupe.report_gen")

LEASE: Final = timedelta(minutes=3)
"""Longer than a task may take."""
AT_ONCE: Final = 200


def prepare(study_id: UUID) -> None:
    """Make the volumes that the viewer shows. A study that is gone, or has none, is left alone.

    Raises:
        LoupeError: they cannot be made now.
    """
    study = _found(study_id)
    if study is not None and study.result is not None:
        volumes.prepare(study)


def want(study: Study, version: ReportVersion) -> None:
    """Note that a signed version is to go back, in the transaction that writes it, and wake up who
    does it once that is committed."""
    ReportReturn.objects.create(
        project=study.project, study=study, version=version.number, next_at=timezone.now()
    )
    wakeups.send_back(study.pk)


def send_back(study_id: UUID) -> int:
    """Put SR and SEG of the study's versions that are due into the outbox; how many files.

    What cannot be made now is tried again with growing pauses, what can never be made is given up
    with the reason. Safe to repeat.
    """
    count = 0
    for key in list(_due(timezone.now()).filter(study=study_id).values_list("pk", flat=True)):
        row = _leased(key)
        if row is not None:
            count += _sent(row)
    return count


def waiting(now: datetime) -> list[UUID]:
    """Studies with a version that is due and nobody works on."""
    rows = _due(now).values_list("study_id", flat=True)
    return list(dict.fromkeys(rows[:AT_ONCE]))


def _due(now: datetime) -> "QuerySet[ReportReturn]":
    rows = ReportReturn.objects.filter(state=SendingState.WAITING, next_at__lte=now)
    return rows.order_by("next_at", "version")


def _leased(key: UUID) -> ReportReturn | None:
    """The row, if nobody else works on it; counted as a try before anything can go wrong."""
    now = timezone.now()
    if not _due(now).filter(pk=key).update(next_at=now + LEASE, tries=F("tries") + 1):
        return None
    row = ReportReturn.objects.select_related("study__project", "study__result").get(pk=key)
    if row.tries > outbox.MOST_TRIES:
        _failed(
            row,
            LoupeError(
                "Whoever made the files to send back was lost again and again; look at the log, "
                "then send it again.",
                code="workers_lost",
            ),
            again=False,
        )
        return None
    return row


def _sent(row: ReportReturn) -> int:
    study, posted = row.study, 0
    try:
        if outbox.returning_to(study).exists():
            files = outputs.to_send_back(study, row.version)
        else:
            files = {}
        with transaction.atomic():
            posted = len(outbox.post(SYSTEM, study, files)) if files else 0
            ReportReturn.objects.filter(pk=row.pk).update(
                state=SendingState.SENT, error="", error_code=""
            )
    except TemporarilyUnavailable as error:
        _failed(row, error, again=row.tries < outbox.MOST_TRIES)
    except LoupeError as error:
        _failed(row, error, again=False)
    return posted


def _failed(row: ReportReturn, error: LoupeError, *, again: bool) -> None:
    pause = timedelta(seconds=outbox.wait_seconds(row.tries - 1))
    ReportReturn.objects.filter(pk=row.pk).update(
        state=SendingState.WAITING if again else SendingState.DEAD,
        next_at=timezone.now() + pause,
        error_code=error.code[:50],
        error=error.message[:300],
    )
    log.warning("version %s of study %s was not sent back: %s", row.version, row.study_id,
                error.code)  # fmt: skip


def _found(study_id: UUID) -> Study | None:
    rows = Study.objects.select_related("project", "result")
    return rows.filter(pk=study_id).first()

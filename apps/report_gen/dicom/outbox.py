"""What goes back to nodes: kept encrypted, sent until it is stored there, given up in the end.

`post` puts a file in the outbox, `deliver_due` sends what is due, `replay` tries again what was
given up.
"""

import logging
import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.report_gen.clinical import installed
from apps.report_gen.clinical.errors import KeyMissing, Missing, Tampered
from apps.report_gen.dicom.options import Options, read_options
from apps.report_gen.dicom.sending import NotSent, opened, send
from apps.report_gen.models import (
    ClinicalObject,
    DicomPeer,
    ReportReturn,
    Sending,
    SendingState,
    Study,
)
from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require, visible
from loupe.host.results import new_id

logger = logging.getLogger("loupe.report_gen")

MOST_TRIES: Final = 12
_FIRST: Final = 5.0
_LONGEST: Final = 3600.0
AT_ONCE: Final = 20
_LEASE: Final = timedelta(minutes=10)


def post(actor: Actor, study: Study, files: dict[str, bytes]) -> list[Sending]:
    """Send DICOM files to where the study came from.

    Args:
        files: what each is (``SR``, ``SEG``) → a whole DICOM file, Part 10.

    Returns:
        One row for each file and node; none where no node sent the study or takes results back.

    Raises:
        NotSent: a file is no DICOM file.
        ClinicalDiskFull: there is no room to keep it.
    """
    for content in files.values():
        opened(content)
    peers = list(returning_to(study))
    if not peers:
        return []
    now = timezone.now()
    made: list[Sending] = []
    store = installed.store()
    kept = {label: store.put(content) for label, content in files.items()}
    with transaction.atomic():
        for label, sealed in kept.items():
            row = ClinicalObject.objects.create(
                id=new_id(), project=study.project, study=study, kind="output",
                sealed=sealed.name, sha256=sealed.sha256, bytes=sealed.bytes, received_at=now,
            )  # fmt: skip
            made += [
                Sending(
                    project=study.project, study=study, peer=peer, kept=row, label=label[:40],
                    next_at=now,
                )
                for peer in peers
            ]  # fmt: skip
        Sending.objects.bulk_create(made)
        record_audit(
            actor, study.project, "dicom.posted", f"study:{study.pk}",
            {"what": sorted(files), "to": [peer.title for peer in peers]},
        )  # fmt: skip
    return made


def returning_to(study: Study) -> "QuerySet[DicomPeer]":
    """Nodes that sent images of the study and want results back."""
    senders = ClinicalObject.objects.filter(study=study, sender__isnull=False)
    return DicomPeer.objects.filter(
        pk__in=senders.values("sender"), returns=True, port__isnull=False
    ).order_by("title")


def deliver_due(options: Options | None = None, now: datetime | None = None) -> int:
    """Send what is due; returns how many are stored there now."""
    options = options or read_options()
    now = now or timezone.now()
    sent = 0
    for key in list(_due(now).values_list("pk", flat=True)[:AT_ONCE]):
        # Taken by moving its time: another process that delivers as well passes over it.
        if _due(now).filter(pk=key).update(next_at=now + _LEASE):
            row = Sending.objects.select_related("peer", "kept").get(pk=key)
            sent += _delivered(options, row)
    return sent


def replay(actor: Actor, project: Project, sending_id: uuid.UUID | None = None) -> int:
    """Try again, from the beginning, one that was given up or all of them, signed reports whose
    files could not be made among them.

    Raises:
        Denied: the actor may not say where data goes.
        NotVisible: there is no such one.
    """
    require(actor, Action.MANAGE_WEBHOOKS, project)
    rows = visible(Sending.objects.filter(project=project, state=SendingState.DEAD), actor)
    if sending_id is not None:
        rows = rows.filter(pk=sending_id)
        if not rows.exists():
            raise NotVisible(_("Nothing that was given up has this number."))
    again = {
        "state": SendingState.WAITING, "tries": 0, "next_at": timezone.now(), "error_code": "",
        "error": "",
    }  # fmt: skip
    with transaction.atomic():
        count = rows.update(**again)
        if sending_id is None:
            unmade = ReportReturn.objects.filter(project=project, state=SendingState.DEAD)
            count += visible(unmade, actor).update(**again)
        record_audit(actor, project, "dicom.replayed", f"sendings:{count}")
    return count


def wait_seconds(tries: int) -> float:
    """From one try to the next: 5 s, doubled each time, an hour at most."""
    return min(_LONGEST, _FIRST * 2.0 ** min(tries, 20))


def _due(now: datetime) -> "QuerySet[Sending]":
    return Sending.objects.filter(state=SendingState.WAITING, next_at__lte=now).order_by("next_at")


def _delivered(options: Options, row: Sending) -> bool:
    try:
        with installed.store().open(row.kept.sealed) as stream:
            content = stream.read()
        send(options, row.peer, [content])
    except TemporarilyUnavailable as error:
        _failed(row, error, again=row.tries + 1 < MOST_TRIES)
        return False
    except (NotSent, Tampered, KeyMissing, Missing) as error:
        _failed(row, error, again=False)
        return False
    Sending.objects.filter(pk=row.pk).update(
        state=SendingState.SENT, tries=row.tries + 1, sent_at=timezone.now(), error_code="",
        error="",
    )  # fmt: skip
    logger.info("%s of study %s is stored at %s", row.label, row.study_id, row.peer.title)
    return True


def _failed(row: Sending, error: LoupeError, *, again: bool) -> None:
    Sending.objects.filter(pk=row.pk).update(
        state=SendingState.WAITING if again else SendingState.DEAD,
        tries=row.tries + 1,
        next_at=timezone.now() + timedelta(seconds=wait_seconds(row.tries)),
        error_code=error.code[:50],
        error=error.message[:300],
    )
    logger.warning("%s of study %s was not stored: %s", row.label, row.study_id, error.message)

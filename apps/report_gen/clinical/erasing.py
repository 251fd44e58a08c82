"""Forgetting who a study is about: its identity, its original files, by hand or after a time."""

import time
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.report_gen.clinical import installed
from apps.report_gen.models import (
    ClinicalObject,
    Delivery,
    DeliveryState,
    Identity,
    ReportReturn,
    Sending,
    Study,
)
from loupe.host.people import SYSTEM, Action, Actor, Project, record_audit, require

AT_ONCE: Final = 500


def erase(actor: Actor, study: Study, why: str) -> int:
    """Erase identity and original files of a study; the de-identified form stays.

    A file that holds images of another study too stays until the last of them is erased. What was
    to be sent back is given up, as nobody is known to send it for. Returns how many files went.

    Raises:
        Denied: the actor does not manage members of the project.
    """
    require(actor, Action.MANAGE_MEMBERS, study.project)
    with transaction.atomic():
        now = timezone.now()
        Identity.objects.filter(study=study, erased_at=None).update(
            body=b"", patient_hash="", accession_hash="", erased_at=now
        )
        Sending.objects.filter(study=study).delete()
        ReportReturn.objects.filter(study=study).delete()
        mine = ClinicalObject.objects.filter(Q(study=study) | Q(shared_with=study))
        names = _names_told(Delivery.objects.filter(kept__in=mine))
        _hand_on(study)
        rows = ClinicalObject.objects.filter(study=study)
        names += rows.values_list("sealed", flat=True)
        rows.delete()
        record_audit(
            actor,
            study.project,
            "identity.erased",
            f"study:{study.pk}",
            {"files": len(names), "why": why[:200]},
        )
        # Files go when the rows surely went: a row without its file could not be explained.
        transaction.on_commit(lambda: _delete(names))
    return len(names)


def old(project: Project, days: int) -> "QuerySet[Study]":
    """Studies that arrived more than `days` ago and still name somebody, oldest first."""
    named = Identity.objects.filter(study=OuterRef("pk"), erased_at=None)
    owned = ClinicalObject.objects.filter(study=OuterRef("pk"))
    shared = ClinicalObject.shared_with.through.objects.filter(study_id=OuterRef("pk"))
    before = timezone.now() - timedelta(days=days)
    return (
        Study.objects.filter(project=project, arrived_at__lt=before)
        .filter(Exists(named) | Exists(owned) | Exists(shared))
        .select_related("project")
        .order_by("arrived_at")
    )


def erase_old(project: Project, days: int, seconds: float = float("inf")) -> int:
    """Erase every study that arrived more than `days` ago, and files of that age that belong to no
    study; returns how many studies.

    Args:
        seconds: after which no further one is begun; who calls again goes on.
    """
    end = time.monotonic() + seconds
    count = 0
    while batch := list(old(project, days)[:AT_ONCE]):
        for study in batch:
            if time.monotonic() > end:
                return count
            erase(SYSTEM, study, f"older than {days} days")
            count += 1
    _erase_leftovers(project, timezone.now() - timedelta(days=days))
    return count


def _hand_on(study: Study) -> None:
    """Files that others share become theirs; this study shares none any more."""
    for row in ClinicalObject.objects.filter(study=study, shared_with__isnull=False).distinct():
        heir = row.shared_with.order_by("arrived_at", "pk").first()
        if heir is not None:
            row.shared_with.remove(heir)
            ClinicalObject.objects.filter(pk=row.pk).update(study=heir)
    study.shares.clear()


def _erase_leftovers(project: Project, before: datetime) -> None:
    """What came with deliveries of that age and became part of no study."""
    over = Delivery.objects.filter(project=project, created_at__lt=before).exclude(
        state=DeliveryState.WAITING
    )
    with transaction.atomic():
        names = _names_told(over)
        rows = ClinicalObject.objects.filter(
            project=project, study=None, kind="upload", received_at__lt=before
        ).exclude(delivery__state=DeliveryState.WAITING)
        names += rows.values_list("sealed", flat=True)
        rows.delete()
        transaction.on_commit(lambda: _delete(names))


def _names_told(deliveries: "QuerySet[Delivery]") -> list[str]:
    """Forget what deliveries that are over keep of their files' names; what it is kept in."""
    rows = deliveries.exclude(state=DeliveryState.WAITING).exclude(about="", told="")
    found = set(rows.values_list("pk", "about", "told"))
    Delivery.objects.filter(pk__in=[key for key, _about, _told in found]).update(about="", told="")
    return [name for _key, *names in found for name in names if name]


def _delete(names: list[str]) -> None:
    store = installed.store()
    for name in names:
        store.delete(name)

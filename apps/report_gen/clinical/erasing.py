"""Forgetting who a study is about: its identity, its original files, by hand or after a time."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from apps.report_gen.clinical import installed
from apps.report_gen.models import ClinicalObject, Identity, Sending, Study
from loupe.host.people import SYSTEM, Action, Actor, Project, record_audit, require


def erase(actor: Actor, study: Study, why: str) -> int:
    """Erase identity and original files of a study; the de-identified form stays.

    What was to be sent back for it is given up, as nobody is known to send it for. Returns how
    many files went.

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
        rows = ClinicalObject.objects.filter(study=study)
        names = list(rows.values_list("sealed", flat=True))
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


def erase_old(project: Project, days: int) -> int:
    """Erase every study that arrived more than `days` ago; returns how many studies."""
    before = timezone.now() - timedelta(days=days)
    old = Study.objects.filter(project=project, arrived_at__lt=before, identity__erased_at=None)
    count = 0
    for study in old.select_related("project").order_by("arrived_at").iterator(chunk_size=100):
        erase(SYSTEM, study, f"older than {days} days")
        count += 1
    return count


def _delete(names: list[str]) -> None:
    for name in names:
        installed.store().delete(name)

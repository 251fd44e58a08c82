"""What was found on parts after their inspection: escapes, reported and taken back."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.defect_detection.models import Finding, Part
from apps.defect_detection.services.errors import Taken, Unusable
from apps.defect_detection.services.joining import refresh
from loupe.host.people import Action, Actor, record_audit, require


@transaction.atomic
def report(
    actor: Actor,
    part: Part,
    *,
    label: str,
    place: str = "",
    note: str = "",
    found_at: datetime | None = None,
) -> Finding:
    """Write down that a defect was found on `part` after its inspection. The part is bad from now
    on; if the machine had passed it, it is an escape.

    Args:
        label: what was found, e.g. a class of the model.
        place: where it was found: final test, assembly, customer.
        found_at: None: now.

    Raises:
        NotVisible, Denied: the actor may not submit here.
        Unusable: a text is empty or too long, or the time lies ahead.
    """
    require(actor, Action.SUBMIT, part.project)
    now = timezone.now()
    for name, value, most in (("label", label, 100), ("place", place, 100), ("note", note, 500)):
        if len(value.strip()) > most or "\x00" in value:
            raise Unusable(
                _("%(name)s has more than %(most)s characters.") % {"name": name, "most": most},
                field=name,
            )
    if not label.strip():
        raise Unusable(_("Say what was found: the class of the defect."), field="label")
    if found_at is not None and found_at > now:
        raise Unusable(_("It cannot be found in the future: correct the time."), field="found_at")
    finding = Finding.objects.create(
        part=part,
        label=label.strip(),
        place=place.strip(),
        note=note.strip(),
        found_at=found_at or now,
        told_by=actor.label,
        user=actor.user,
    )
    refresh([part.pk])
    told = {"part": part.pk, "serial": part.serial, "label": finding.label, "place": finding.place}
    record_audit(actor, part.project, "finding.reported", f"part:{part.pk}", told)
    part.refresh_from_db()
    return finding


@transaction.atomic
def withdraw(actor: Actor, finding: Finding) -> Finding:
    """Take a finding back; it stays in the history.

    Raises:
        NotVisible, Denied: the actor may not submit here.
        Taken: it was withdrawn before.
    """
    require(actor, Action.SUBMIT, finding.part.project)
    withdrawn = Finding.objects.filter(pk=finding.pk, withdrawn_at=None)
    if not withdrawn.update(withdrawn_at=timezone.now()):
        raise Taken(_("This finding was withdrawn before."))
    refresh([finding.part_id])
    told = {"part": finding.part_id, "finding": finding.pk, "label": finding.label}
    record_audit(actor, finding.part.project, "finding.withdrawn", f"part:{finding.part_id}", told)
    finding.refresh_from_db()
    return finding

"""Cases: opened from alerts, assigned, handed over, noted, closed with a word that labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.fraud.models import Alert, Attachment, Case, CaseEvent
from apps.fraud.models.alerts import AlertKind, AlertState, Disposition
from apps.fraud.models.cases import CaseState, EventKind
from apps.fraud.services import alerts as alerting
from apps.fraud.services import schemes
from apps.fraud.services.entities import beginning
from apps.fraud.services.errors import Taken, Unusable
from apps.fraud.services.filters import Chosen
from apps.fraud.services.naming import required
from apps.fraud.services.people import behind
from apps.fraud.services.raising import refresh_cases
from apps.fraud.services.ring_names import called
from loupe.host.blobs import Blob
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require, visible

LONGEST_NOTE = 10_000
LARGEST_FILE = 20 * 2**20
MOST_FILES = 100


@dataclass(frozen=True, kw_only=True)
class Filters(Chosen):
    """Which cases; without a state the open ones. `mine`: ``yes`` or ``nobody``; `q`: the
    number, or the beginning of an identifier in it."""

    state: str = ""
    mine: str = ""
    disposition: str = ""
    q: str = ""

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "state": ("open", "closed", "all"),
        "mine": ("yes", "nobody"),
        "disposition": tuple(Disposition.values),
    }


def listing(actor: Actor, project: Project, filters: Filters) -> "models.QuerySet[Case]":
    """The cases by `filters`, those that changed last first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    rows = Case.objects.filter(project=project).select_related("assignee")
    if filters.state != "all":
        rows = rows.filter(state=filters.state or CaseState.OPEN)
    if filters.mine == "yes":
        rows = rows.filter(assignee=actor.user)
    elif filters.mine == "nobody":
        rows = rows.filter(assignee=None)
    if filters.disposition:
        rows = rows.filter(disposition=filters.disposition)
    if filters.q:
        about = beginning(Alert.objects.filter(project=project), "entity_key", filters.q)
        wanted = models.Q(pk__in=about.exclude(case=None).values("case"))
        if filters.q.isascii() and filters.q.isdigit() and len(filters.q) < 10:
            wanted |= models.Q(number=int(filters.q))
        rows = rows.filter(wanted)
    return rows.order_by("-changed_at", "-pk")


def find(actor: Actor, project: Project, number: int) -> Case:
    """One case.

    Raises:
        NotVisible: there is none.
    """
    rows = visible(Case.objects.filter(project=project), actor)
    rows = rows.select_related("project", "assignee")
    found = rows.filter(number=number).first() if 0 <= number < 2**31 else None
    if found is None:
        raise NotVisible(_("There is no case %(number)s that you can see.") % {"number": number})
    return found


def open_case(actor: Actor, project: Project, alerts: Sequence[Alert], title: str = "") -> Case:
    """Open a case about open alerts; the person who opens it has it, of a key nobody.

    Raises:
        NotVisible, Denied: the actor may not decide here.
        Unusable: there is no alert.
        Taken: an alert is closed, or in a case already.
    """
    require(actor, Action.MANAGE_CASES, project)
    if not alerts:
        raise Unusable(_("A case is about at least one alert: choose some."), field="alerts")
    title = title.strip()[:200].replace("\x00", "") or _title(alerts)
    now = timezone.now()
    for _attempt in range(5):
        try:
            with transaction.atomic():
                last = Case.objects.filter(project=project).aggregate(n=models.Max("number"))["n"]
                case = Case.objects.create(
                    project=project,
                    number=(last or 0) + 1,
                    title=title,
                    assignee=actor.user,
                    opened_by=actor.label,
                    opened_at=now,
                    changed_at=now,
                )
                _take(case, alerts, now)
                told = {"alerts": [alert.pk for alert in alerts]}
                _note(actor, case, EventKind.OPENED, "case.opened", told)
        except IntegrityError:
            continue  # somebody else took the number
        case.refresh_from_db()
        return case
    raise Taken(_("Many cases are opened at this moment: try once more."))


@transaction.atomic
def add_alerts(actor: Actor, case: Case, alerts: Sequence[Alert]) -> None:
    """Put more open alerts into an open case.

    Raises:
        NotVisible, Denied: the actor may not decide here.
        Taken: the case or an alert is closed, or an alert is in a case already.
    """
    _begin(actor, case)
    _take(case, alerts, timezone.now())
    told = {"alerts": [alert.pk for alert in alerts]}
    _note(actor, case, EventKind.ALERTS, "case.alerts_added", told)
    case.refresh_from_db()


@transaction.atomic
def assign(actor: Actor, case: Case, person: User | None) -> Case:
    """Give a case to somebody, or back to the inbox; what is theirs already stays so in silence.

    Raises:
        NotVisible, Denied: the actor may not decide here.
        Taken: the case is closed.
    """
    _begin(actor, case)
    if case.assignee_id == (person.pk if person else None):
        return case
    case.assignee = person
    _changed(case, "assignee")
    told = {"to": person.get_username() if person else ""}
    _note(actor, case, EventKind.ASSIGNED, "case.assigned", told)
    return case


@transaction.atomic
def hand_over(actor: Actor, case: Case, person: User, note: str) -> Case:
    """Give a case to somebody else with a word on where it stands.

    Raises:
        NotVisible, Denied: the actor may not decide here.
        Unusable: the note is empty or too long.
        Taken: the case is closed, or theirs already.
    """
    _begin(actor, case)
    note = required(note, "note", LONGEST_NOTE)
    if case.assignee_id == person.pk:
        raise Taken(_("This case is theirs already."), field="assignee")
    case.assignee = person
    _changed(case, "assignee")
    told = {"to": person.get_username()}
    _note(actor, case, EventKind.HANDED_OVER, "case.handed_over", told, text=note)
    return case


@transaction.atomic
def note(actor: Actor, case: Case, text: str) -> CaseEvent:
    """Write something down; closed cases take notes too.

    Raises:
        NotVisible, Denied: the actor may not decide here.
        Unusable: it is empty or too long.
    """
    require(actor, Action.MANAGE_CASES, case.project)
    written = _write(actor, case, EventKind.NOTE, text=required(text, "note", LONGEST_NOTE))
    _changed(case)
    facts = {"event": written.pk, **behind(actor)}
    record_audit(actor, case.project, "case.noted", f"case:{case.pk}", facts)
    return written


def attach(actor: Actor, case: Case, name: str, size: int, keep: Callable[[], Blob]) -> Attachment:
    """Keep a file with a case; the same file of the same name is kept once.

    Args:
        size: bytes it says to have.
        keep: stores it.

    Raises:
        NotVisible, Denied: the actor may not decide here.
        Unusable: it is empty or too large, or the case has too many.
    """
    require(actor, Action.MANAGE_CASES, case.project)
    name = required(name.replace("\\", "/").rpartition("/")[2], "name", 255)
    if case.attachments.count() >= MOST_FILES:
        raise Unusable(_("A case has at most %(most)s files.") % {"most": MOST_FILES}, field="file")
    blob = keep() if size <= LARGEST_FILE else None
    if blob is None or not blob.size:
        raise Unusable(
            _("%(name)s has %(size)s bytes: attach files of 1 byte to %(most)s MB.")
            % {"name": name, "size": size, "most": LARGEST_FILE >> 20},
            field="file",
        )
    there = case.attachments.filter(blob=blob, name=name).first()
    if there is not None:
        return there
    with transaction.atomic():
        made = Attachment.objects.create(
            case=case, blob=blob, name=name, who=actor.label, at=timezone.now()
        )
        told = {"name": name, "sha256": blob.sha256}
        _changed(case)
        _note(actor, case, EventKind.ATTACHED, "case.attached", told)
    return made


@transaction.atomic
def close(actor: Actor, case: Case, disposition: str, text: str = "") -> Case:
    """Say what it was: the case and its alerts are closed, their transactions labelled, known now.

    Raises:
        NotVisible, Denied: the actor may not decide here.
        Unusable: there is no such word.
        Taken: it is closed already.
    """
    _begin(actor, case)
    if disposition not in Disposition.values:
        raise Unusable(
            _("%(word)r is not one of %(known)s.")
            % {"word": disposition[:40], "known": ", ".join(Disposition.values)},
            field="disposition",
        )
    text = text.strip().replace("\x00", "")[:LONGEST_NOTE]
    now = timezone.now()
    rows = Alert.objects.select_for_update().filter(case=case).order_by("pk")
    open_ones = [alert for alert in rows if alert.state != AlertState.CLOSED]
    alerting.settle(actor, case.project, open_ones, disposition, text[:500], case_id=case.pk)
    case.state, case.disposition, case.closed_at = CaseState.CLOSED, disposition, now
    _changed(case, "state", "disposition", "closed_at")
    told = {"disposition": disposition, "alerts": [alert.pk for alert in open_ones]}
    _note(actor, case, EventKind.CLOSED, "case.closed", told, text=text)
    return case


@transaction.atomic
def reopen(actor: Actor, case: Case) -> Case:
    """Take a closed case up again. Its alerts stay closed and its labels stand until another word
    is said.

    Raises:
        NotVisible, Denied: the actor may not decide here.
        Taken: it is open.
    """
    require(actor, Action.MANAGE_CASES, case.project)
    changed = Case.objects.filter(pk=case.pk, state=CaseState.CLOSED).update(
        state=CaseState.OPEN, disposition="", closed_at=None, changed_at=timezone.now()
    )
    if not changed:
        raise Taken(_("This case is open."))
    _note(actor, case, EventKind.REOPENED, "case.reopened", {})
    case.refresh_from_db()
    return case


def counts(project: Project, user: User | None) -> dict[str, int]:
    """How much waits: for the inbox's head. One query."""
    rows = Case.objects.filter(project=project, state=CaseState.OPEN)
    found = rows.aggregate(
        open=models.Count("pk"),
        mine=models.Count("pk", filter=models.Q(assignee=user)),
        nobody=models.Count("pk", filter=models.Q(assignee=None)),
        amount=models.Sum("amount"),
    )
    return {key: value or 0 for key, value in found.items()}


def _begin(actor: Actor, case: Case) -> None:
    require(actor, Action.MANAGE_CASES, case.project)
    locked = Case.objects.select_for_update().filter(pk=case.pk).values_list("state", flat=True)
    if locked.get() == CaseState.CLOSED:
        raise Taken(_("This case is closed: open it again first."))


def _take(case: Case, alerts: Sequence[Alert], now: datetime) -> None:
    ids = [alert.pk for alert in alerts]
    taken = Alert.objects.filter(pk__in=ids, project=case.project, state=AlertState.OPEN).update(
        state=AlertState.IN_CASE, case=case, assignee=case.assignee, changed_at=now
    )
    if taken < len(ids):
        raise Taken(
            _("Some of these alerts are closed or in a case already: look at the list again."),
            field="alerts",
        )
    refresh_cases([case.pk], now)


def _changed(case: Case, *fields: str) -> None:
    case.changed_at = timezone.now()
    case.save(update_fields=[*fields, "changed_at"])


def _note(
    actor: Actor, case: Case, kind: EventKind, action: str, told: Mapping[str, Any], text: str = ""
) -> None:
    """Write a line of the case's history and an event of the audit log; call it last."""
    _write(actor, case, kind, text=text, data=told)
    record_audit(actor, case.project, action, f"case:{case.pk}", {**told, **behind(actor)})


def _write(
    actor: Actor, case: Case, kind: EventKind, *, text: str = "",
    data: Mapping[str, Any] | None = None,
) -> CaseEvent:  # fmt: skip
    return CaseEvent.objects.create(
        case=case,
        kind=kind,
        who=actor.label,
        user=actor.user,
        text=text,
        data={**(data or {}), **behind(actor)},
        at=timezone.now(),
    )


def _title(alerts: Sequence[Alert]) -> str:
    first = max(alerts, key=lambda alert: (alert.score, -alert.pk))
    name = f"{first.entity_type} {first.entity_key}"[:150]
    if first.kind == AlertKind.RING:
        name = called(first, schemes.of(first.project_id))[:150]
    return name if len(alerts) == 1 else f"{name} + {len(alerts) - 1}"

"""What transactions turned out to be: said by analysts, or told by the payment system.

Of several words about one transaction one stands:

1. the one that became known last;
2. of two known at the same moment fraud counts more than honest, and honest more than unknown;
3. a word that says what stands already changes nothing.

Every word stays in the table. The one that stands goes to live state with its time, so that a
feature never knows a label before it was known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.fraud.models import TransactionLabel
from apps.fraud.services.errors import Unusable
from apps.fraud.services.naming import LONGEST_TRANSACTION, required
from apps.fraud.services.outbox import tell
from apps.fraud.services.people import behind
from loupe.host.people import SYSTEM, Action, Actor, Project, record_audit, require
from loupe.host.results import insert

WORDS = ("unknown", "honest", "fraud")
"""From the one that counts least."""
VALUES = {"unknown": -1, "honest": 0, "fraud": 1}
ANALYST, SYSTEM_DESK = "analyst", "system"
"""Who closed an alert or a case: a person, or a business system by its key."""
SOURCES = (ANALYST, SYSTEM_DESK, "report", "chargeback")
FILE = "file"
"""The source of labels that came as a column of a file."""
MOST = 5_000
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Live state knows no earlier times."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """One label as it was told. `known_at` None: now."""

    transaction: str
    label: str
    known_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of labels: `standing` changed what holds, `same` said what held already,
    `outweighed` are kept but do not stand."""

    standing: int
    same: int
    outweighed: int


def give(
    actor: Actor, project: Project, said: Sequence[Said], *, source: str = "report",
    case_id: int | None = None,
) -> Outcome:  # fmt: skip
    """Write labels down, at most `MOST` at once; repeating them changes nothing.

    Raises:
        NotVisible, Denied: the word of who closes an alert or a case needs the role of a reviewer
            or the scope ``manage_cases``, what a system reports the role or scope to submit.
        Unusable: a label is none, a time lies ahead or before 1970, or there are too many.
    """
    desk = source in (ANALYST, SYSTEM_DESK)
    require(actor, Action.MANAGE_CASES if desk else Action.SUBMIT, project)
    now = timezone.now()
    checked = [_checked(one, number, now) for number, one in enumerate(said)]
    if len(checked) > MOST:
        raise Unusable(
            _("%(count)s labels are too many at once: send at most %(most)s.")
            % {"count": len(checked), "most": MOST},
            field="labels",
        )
    if source not in SOURCES:
        raise Unusable(
            _("source=%(source)r is not one of %(known)s.")
            % {"source": source[:40], "known": ", ".join(SOURCES)},
            field="source",
        )
    with transaction.atomic():
        return _write(actor, project, checked, source, case_id, now)


def from_file(
    project_id: UUID, said: Sequence[tuple[str, str, datetime]], now: datetime
) -> Outcome:
    """Write down the labels that came with the rows of a range: transaction, word, known at.

    Call it inside the transaction that stores the rows. Live state hears nothing of it.
    """
    project = Project.objects.get(pk=project_id)
    return _write(SYSTEM, project, [(*one, "") for one in said], FILE, None, now, telling=False)


def of_transactions(project: Project, names: Iterable[str]) -> dict[str, TransactionLabel]:
    """The labels that stand, by transaction."""
    rows = TransactionLabel.objects.filter(
        project=project, standing=True, transaction__in=list(names)
    )
    return {row.transaction: row for row in rows}


def history(actor: Actor, project: Project) -> "models.QuerySet[TransactionLabel]":
    """Every word, newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    return TransactionLabel.objects.filter(project=project).order_by("-pk")


def outweighs(new: tuple[str, datetime], old: tuple[str, datetime]) -> bool:
    """Whether a label known at some time takes the place of another; see the rules above."""
    if new[1] != old[1]:
        return new[1] > old[1]
    return WORDS.index(new[0]) > WORDS.index(old[0])


def _checked(one: Said, number: int, now: datetime) -> tuple[str, str, datetime, str]:
    place = f"labels[{number}]"
    name = required(one.transaction, f"{place}.transaction", LONGEST_TRANSACTION)
    if one.label not in WORDS:
        raise Unusable(
            _("%(place)s.label=%(label)r is not one of %(known)s.")
            % {"place": place, "label": one.label[:40], "known": ", ".join(WORDS)},
            field=f"{place}.label",
        )
    known_at = one.known_at or now
    if timezone.is_naive(known_at):
        raise Unusable(
            _("%(place)s.known_at names no time zone: write it as 2026-01-31T14:30:00Z.")
            % {"place": place},
            field=f"{place}.known_at",
        )
    if known_at > now:
        raise Unusable(
            _("%(place)s.known_at lies ahead: a label is told once it is known.")
            % {"place": place},
            field=f"{place}.known_at",
        )
    if known_at < EARLIEST:
        raise Unusable(
            _("%(place)s.known_at=%(at)s lies before 1970: write when the label became known.")
            % {"place": place, "at": known_at.isoformat()},
            field=f"{place}.known_at",
        )
    return name, one.label, known_at, one.note.replace("\x00", "")[:500]


def _write(
    actor: Actor, project: Project, checked: Sequence[tuple[str, str, datetime, str]],
    source: str, case_id: int | None, now: datetime, *, telling: bool = True,
) -> Outcome:  # fmt: skip
    names = sorted({name for name, *_rest in checked})
    rows = TransactionLabel.objects.select_for_update().filter(
        project=project, standing=True, transaction__in=names
    )
    standing = {row.transaction: row for row in rows.order_by("transaction")}
    fresh: list[TransactionLabel] = []
    beaten: list[int] = []
    same = outweighed = 0
    for name, label, known_at, note in checked:
        row = TransactionLabel(
            project=project,
            transaction=name,
            label=label,
            known_at=known_at,
            source=source,
            note=note,
            case_id=case_id,
            who=actor.label,
            user=actor.user,
            standing=True,
            created_at=now,
        )
        old = standing.get(name)
        if old is not None and old.label == label:
            same += 1
            continue
        if old is not None and not outweighs((label, known_at), (old.label, old.known_at)):
            row.standing = False
            outweighed += 1
        else:
            if old is not None:
                old.standing = False
                if old.pk:
                    beaten.append(old.pk)
            standing[name] = row
        fresh.append(row)
    TransactionLabel.objects.filter(pk__in=beaten).update(standing=False)
    insert(fresh)
    changed = [row for row in fresh if row.standing]
    if changed and telling:
        tell(
            project,
            "labels",
            {
                "ids": [row.transaction for row in changed],
                "labels": [VALUES[row.label] for row in changed],
                "known_at": [int(row.known_at.timestamp() * 1000) for row in changed],
            },
        )
    if fresh:
        counts = {word: sum(row.label == word for row in changed) for word in WORDS}
        told = {"source": source, "standing": len(changed), "outweighed": outweighed, **counts}
        if len(fresh) == 1:
            told["transaction"] = fresh[0].transaction
        told |= behind(actor)
        subject = f"case:{case_id}" if case_id else "labels"
        record_audit(actor, project, "transactions.labelled", subject, told)
    return Outcome(standing=len(changed), same=same, outweighed=outweighed)

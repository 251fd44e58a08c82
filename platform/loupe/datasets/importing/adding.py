"""The last phase: all records of an import appear in one transaction, or none."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.policy import SYSTEM, Actor
from loupe.audit.services import record as audit
from loupe.blobs.models import Blob
from loupe.bulk import insert
from loupe.contract.labelling import Labelling, Problem
from loupe.datasets import duplicates, grouping, vocabulary
from loupe.datasets.importing.lease import Lease, Lost
from loupe.datasets.importing.plan import Plan, Planned
from loupe.datasets.importing.storing import Stored, unusable
from loupe.datasets.models import (
    Dataset,
    Import,
    ImportProblem,
    ImportState,
    LabelChange,
    LabelSource,
    Record,
    RecordClass,
    RecordState,
    state_of,
)
from loupe.datasets.names import Names

MOST_PROBLEMS = 20_000
SAME_BYTES = "same_bytes"


@dataclass
class _Outcome:
    """What the transaction will write."""

    new: list[tuple[Record, Planned]]
    relabelled: list[tuple[Record, Planned]]
    problems: list[Problem]
    unchanged: int = 0


def add(
    lease: Lease,
    dataset: Dataset,
    plan: Plan,
    stored: Sequence[Stored],
    problems: Iterable[Problem],
    group_by: str,
    user: User | None,
) -> None:
    """Write the records, their labels and the problems, and end the import.

    A file whose bytes the dataset has already keeps its record: labels come to it where it had
    none, and otherwise stay what people made of them.

    Raises:
        Lost: the import was cancelled meanwhile; nothing is written.
        DatasetRefused: the classes of both cannot be joined.
    """
    labelling = vocabulary.labelling_of(dataset.app)
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)
        if not Import.objects.select_for_update().filter(
            pk=lease.import_id, lease_token=lease.token, state=ImportState.RUNNING
        ):
            raise Lost
        merged = vocabulary.merge(labelling, vocabulary.about(labelling, locked.about), plan.about)
        locked.about = vocabulary.stored(merged)
        locked.save(update_fields=["about"])
        outcome = _sorted(locked, plan, stored, group_by, user)
        outcome.problems += list(problems)
        insert([record for record, _planned in outcome.new])
        Record.objects.bulk_update(
            [record for record, _planned in outcome.relabelled],
            ["labels", "state", "revision", "changed_by", "changed_at"],
            batch_size=500,
        )
        _write_labels(labelling, outcome.new + outcome.relabelled, user)
        kept = outcome.problems[:MOST_PROBLEMS]
        insert(
            ImportProblem(
                imported_id=lease.import_id,
                file=each.file,
                line=each.line,
                code=each.code,
                reason=each.reason,
                fatal=each.fatal,
            )
            for each in kept
        )
        counts = _counts(outcome, [each for each in stored if each.problem is None])
        lease.renew(
            state=ImportState.DONE,
            done=len(plan.records),
            total=len(plan.records),
            layout=plan.layout[:30],
            counts=counts,
            note="",
            lease_token=None,
            ended_at=timezone.now(),
        )
        Import.objects.filter(pk=lease.import_id).update(lease_until=None)
        actor = Actor(user=user) if user is not None else SYSTEM
        facts = {"import": str(lease.import_id), "layout": plan.layout, "records": counts["added"]}
        audit(actor, dataset.project, "dataset.imported", f"dataset:{dataset.pk}", facts)


def _sorted(
    dataset: Dataset, plan: Plan, stored: Sequence[Stored], group_by: str, user: User | None
) -> _Outcome:
    """Which records are new, which get labels, and which are there already."""
    outcome = _Outcome(new=[], relabelled=[], problems=list(plan.problems))
    names = Names(dataset)
    todo = {
        record.blob_id: record
        for record in Record.objects.filter(dataset=dataset, state=RecordState.TODO)
    }
    seen: dict[str, Planned] = {}
    now = timezone.now()
    for planned, one in zip(plan.records, stored, strict=True):
        if one.problem is not None:
            outcome.problems.append(unusable(planned, one))
        elif one.sha256 in seen:
            outcome.problems.append(_twice(planned, seen[one.sha256]))
        elif one.sha256 in names.blobs:
            seen[one.sha256] = planned
            record = todo.get(one.sha256)
            if record is None or planned.labels is None:
                outcome.unchanged += 1
                continue
            record.revision += 1
            _labelled(record, planned, user)
            record.changed_at = now
            outcome.relabelled.append((record, planned))
        else:
            seen[one.sha256] = planned
            record = Record(
                dataset=dataset,
                blob=Blob(sha256=one.sha256),
                name=names.free(planned.name),
                group=planned.group or grouping.group_of(planned.name, group_by),
                split=planned.split,
                fingerprint=one.fingerprint,
                revision=1 if planned.labels is not None else 0,
            )
            if planned.labels is not None:
                _labelled(record, planned, user)
                record.changed_at = now
            outcome.new.append((record, planned))
    return outcome


def _labelled(record: Record, planned: Planned, user: User | None) -> None:
    record.labels = None if planned.labels is None else vocabulary.stored(planned.labels)
    record.state = state_of(record.labels)
    record.changed_by = user


def _write_labels(
    labelling: Labelling, pairs: Sequence[tuple[Record, Planned]], user: User | None
) -> None:
    """A line of history and the counts by class for each record that got labels."""
    labelled = [(record, planned.labels) for record, planned in pairs if planned.labels is not None]
    insert(
        LabelChange(
            record=record,
            revision=record.revision,
            source=LabelSource.IMPORTED,
            labels=record.labels,
            user=user,
            at=record.changed_at or timezone.now(),
        )
        for record, _labels in labelled
    )
    insert(
        RecordClass(dataset_id=record.dataset_id, record=record, name=name, count=number)
        for record, labels in labelled
        for name, number in vocabulary.count(labelling, labels).items()
    )


def _twice(planned: Planned, first: Planned) -> Problem:
    differ = planned.labels != first.labels
    return Problem(
        file=planned.file[:500],
        code=SAME_BYTES,
        reason=_("It has the same bytes as %(first)s; that one was taken.") % {"first": first.file}
        + (" " + _("Their labels differ.") if differ else ""),
        fatal=differ,
    )


def _counts(outcome: _Outcome, stored: Sequence[Stored]) -> dict[str, object]:
    near = duplicates.clusters(
        {index: one.fingerprint for index, one in enumerate(stored) if one.fingerprint is not None}
    )
    return {
        "added": len(outcome.new),
        "labelled": sum(planned.labels is not None for _record, planned in outcome.new),
        "relabelled": len(outcome.relabelled),
        "unchanged": outcome.unchanged,
        "alike": near.alike,
        "problems": len(outcome.problems),
        "fatal": sum(each.fatal for each in outcome.problems),
        "by_code": dict(Counter(each.code for each in outcome.problems).most_common()),
    }

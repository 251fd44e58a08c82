"""Changing one record's labels: `save_labels`, `undo`, `skip`.

Who saves names the revision they saw, so that two people at once never overwrite each other. Each
change of labels is a row of its own beside the record.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import BaseModel

from loupe.accounts.policy import Action, Actor, require
from loupe.contract.labelling import Labelling
from loupe.datasets import vocabulary
from loupe.datasets.errors import LabelConflict, NothingToTakeBack
from loupe.datasets.models import (
    LabelChange,
    LabelSource,
    Record,
    RecordClass,
    RecordState,
    state_of,
)
from loupe.datasets.services.removing import require_open
from loupe.datasets.services.renaming import follow_rename
from loupe.review.models import Review


def save_labels(
    actor: Actor,
    record: Record,
    labels: BaseModel | Mapping[str, Any] | None,
    *,
    expected_revision: int | None = None,
    source: LabelSource = LabelSource.DRAWN,
    review: Review | None = None,
) -> Record:
    """Set the record's labels; None takes all labels away, so that it is to be labelled again.

    Args:
        expected_revision: the `revision` the person saw; None does not check.

    Returns:
        The record as it is now, with its new revision. Equal labels change nothing.

    Raises:
        NotVisible, Denied: the actor may not label here.
        LabelsRefused: the labels are not valid, or of a class the dataset does not have.
        LabelConflict: somebody changed the record since; `record` on it is theirs.
    """
    require(actor, Action.LABEL, record.dataset.project)
    labelling = vocabulary.labelling_of(record.dataset.app)
    data = labels.model_dump(mode="json") if isinstance(labels, BaseModel) else labels
    checked = None
    if data is not None:
        dataset = vocabulary.about(labelling, record.dataset.about)
        checked = vocabulary.labels(labelling, data, dataset)
    with transaction.atomic():
        locked = _lock(record, expected_revision)
        return _write(actor, locked, labelling, checked, source, review)


def undo(actor: Actor, record: Record, *, expected_revision: int | None = None) -> Record:
    """Take the last change that still stands back; a new change restores what held before it.

    Raises:
        NotVisible, Denied, LabelConflict: as `save_labels`.
        NothingToTakeBack: no change is left.
    """
    require(actor, Action.LABEL, record.dataset.project)
    labelling = vocabulary.labelling_of(record.dataset.app)
    with transaction.atomic():
        locked = _lock(record, expected_revision)
        left = standing(locked)
        if not left:
            raise NothingToTakeBack(_("Nothing to take back: the labels are as they came."))
        before = left[-2].labels if len(left) > 1 else None
        checked = labelling.schema.model_validate(before) if before is not None else None
        return _write(actor, locked, labelling, checked, LabelSource.UNDONE, None)


def skip(
    actor: Actor, record: Record, skipped: bool = True, *, expected_revision: int | None = None
) -> Record:
    """Leave the record out of versions to come, or take it back in. Its labels stay.

    Raises:
        NotVisible, Denied, LabelConflict: as `save_labels`.
    """
    require(actor, Action.LABEL, record.dataset.project)
    with transaction.atomic():
        locked = _lock(record, expected_revision)
        state = RecordState.SKIPPED if skipped else state_of(locked.labels)
        if locked.state != state:
            locked.state = state
            _touch(actor, locked)
        return locked


def _lock(record: Record, expected: int | None) -> Record:
    """The record as it is now; nobody else changes it until the transaction ends."""
    Record.objects.select_for_update().filter(pk=record.pk).values_list("pk").get()
    require_open(record.dataset)
    locked = Record.objects.select_related("dataset__project", "changed_by", "blob").get(
        pk=record.pk
    )
    if expected is not None and expected != locked.revision:
        who = locked.changed_by
        raise LabelConflict(
            _(
                "%(name)s changed this record while you had it open. Nothing of yours was stored: "
                "compare, then save yours over it or take theirs."
            )
            % {"name": (who.get_full_name() or who.get_username()) if who else _("An import")},
            locked,
        )
    return locked


def _write(
    actor: Actor,
    record: Record,
    labelling: Labelling,
    labels: BaseModel | None,
    source: LabelSource,
    review: Review | None,
) -> Record:
    data = vocabulary.stored(labels) if labels is not None else None
    if data == record.labels and source != LabelSource.UNDONE and record.state == state_of(data):
        return record
    record.labels, record.state = data, state_of(data)
    _touch(actor, record)
    LabelChange.objects.create(
        record=record,
        revision=record.revision,
        source=source,
        labels=data,
        review=review,
        user=actor.user,
        at=timezone.now(),
    )
    RecordClass.objects.filter(record=record).delete()
    if labels is not None:
        RecordClass.objects.bulk_create(
            RecordClass(dataset_id=record.dataset_id, record=record, name=name, count=number)
            for name, number in vocabulary.count(labelling, labels).items()
        )
    return record


def _touch(actor: Actor, record: Record) -> None:
    record.revision += 1
    record.changed_by, record.changed_at = actor.user, timezone.now()
    record.save(update_fields=["labels", "state", "revision", "changed_by", "changed_at"])


def standing(record: Record) -> list[LabelChange]:
    """The changes that were not taken back, oldest first, in the classes' names of now."""
    left: list[LabelChange] = []
    labelling = vocabulary.labelling_of(record.dataset.app)
    for change in LabelChange.objects.filter(record=record).order_by("revision"):
        if change.source == LabelSource.UNDONE:
            left.pop()
        elif change.source == LabelSource.RENAMED:
            follow_rename(labelling, left, change)
        else:
            left.append(change)
    return left

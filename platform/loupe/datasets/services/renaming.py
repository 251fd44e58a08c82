"""A class gets another name: `rename_class`. Every record keeps its history; versions stay."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import BaseModel, ValidationError

from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record as audit
from loupe.bulk import insert
from loupe.contract.labelling import Labelling
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.steps import load
from loupe.datasets import vocabulary
from loupe.datasets.errors import DatasetRefused
from loupe.datasets.models import Dataset, LabelChange, LabelSource, Record, RecordClass
from loupe.datasets.services.removing import require_open

CHUNK = 500


def rename_class(actor: Actor, dataset: Dataset, old: str, new: str) -> int:
    """Call the class `old` of a dataset `new`, in every record, all at once. Returns how many
    records that were.

    Each of them gets a revision of its own, so that whoever has one open is told. Versions that
    were made keep the old name: they never change.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        DatasetRefused: there is no class `old`, there is one called `new`, or `new` cannot be a
            name.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    require_open(dataset)
    new = new.strip()
    labelling = vocabulary.labelling_of(dataset.app)
    if labelling.rename is None:
        raise DatasetRefused(_("The classes of this app have fixed names."), code="class_fixed")
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)
        about = _renamed(labelling, vocabulary.about(labelling, locked.about), old, new)
        locked.about = vocabulary.stored(about)
        locked.save(update_fields=["about"])
        having = RecordClass.objects.filter(dataset=locked, name=old)
        ids = list(having.order_by("record").values_list("record", flat=True))
        for start in range(0, len(ids), CHUNK):
            _rename_in(actor, labelling, ids[start : start + CHUNK], old, new)
        having.update(name=new)
        facts = {"from": old, "to": new, "records": len(ids)}
        audit(actor, dataset.project, "dataset.class_renamed", f"dataset:{dataset.pk}", facts)
    dataset.about = locked.about
    return len(ids)


def _rename_in(actor: Actor, labelling: Labelling, ids: list[int], old: str, new: str) -> None:
    now = timezone.now()
    rows = list(Record.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))
    for row in rows:
        labels = _renamed(labelling, labelling.schema.model_validate(row.labels), old, new)
        row.labels = vocabulary.stored(labels)
        row.revision += 1
        row.changed_by, row.changed_at = actor.user, now
    Record.objects.bulk_update(rows, ["labels", "revision", "changed_by", "changed_at"])
    insert(
        LabelChange(
            record=row,
            revision=row.revision,
            source=LabelSource.RENAMED,
            labels=row.labels,
            user=actor.user,
            at=now,
        )
        for row in rows
    )


def _renamed(labelling: Labelling, data: BaseModel, old: str, new: str) -> BaseModel:
    try:
        found: BaseModel = load(str(labelling.rename))(data, old, new)
    except ValidationError as error:
        raise DatasetRefused(vocabulary.first_of(error), code="about_invalid") from error
    except InputRefused as error:
        raise DatasetRefused(error.message, code=error.code) from error
    return found


def follow_rename(labelling: Labelling, before: list[LabelChange], change: LabelChange) -> None:
    """Give the labels of earlier changes the names of now, in memory: taking a change back never
    brings a name back that the dataset has no more.

    Which name became which, the renaming itself says: one class went and one came.
    """
    last = next((each.labels for each in reversed(before) if each.labels is not None), None)
    if last is None or change.labels is None:
        return
    had, has = (
        vocabulary.count(labelling, labelling.schema.model_validate(labels))
        for labels in (last, change.labels)
    )
    gone, come = set(had) - set(has), set(has) - set(had)
    if len(gone) != 1 or len(come) != 1:
        return
    for each in before:
        if each.labels is not None:
            labels = labelling.schema.model_validate(each.labels)
            renamed = _renamed(labelling, labels, gone.copy().pop(), come.copy().pop())
            each.labels = vocabulary.stored(renamed)

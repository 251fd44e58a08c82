"""Away with records and datasets, and back: removed, archived, deleted where nothing is in them.

What a version names has to stay, and so does the history of labels. So a removed record is only
hidden, a used dataset is archived, and both come back; a dataset that nothing was ever put into is
deleted.
"""

from collections.abc import Collection

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record as audit
from loupe.datasets.errors import DatasetRefused
from loupe.datasets.models import IMPORT_OPEN, Dataset, Record, RecordState

MOST_NAMED = 100
"""Of removed records, in the audit log."""


def remove_records(actor: Actor, dataset: Dataset, record_ids: Collection[int], why: str) -> int:
    """Hide records from lists, labelling and versions to come; versions that were made keep them.
    Returns how many were there.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        DatasetRefused: nothing was said of why.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    why = _said(why)
    with transaction.atomic():
        rows = Record.objects.filter(dataset=dataset, pk__in=list(record_ids)).exclude(
            state=RecordState.REMOVED
        )
        names = list(rows.order_by("name").values_list("name", flat=True)[:MOST_NAMED])
        changed = rows.update(
            state=RecordState.REMOVED,
            revision=F("revision") + 1,
            changed_by=actor.user,
            changed_at=timezone.now(),
        )
        facts = {"records": changed, "names": names, "why": why}
        audit(actor, dataset.project, "dataset.records_removed", f"dataset:{dataset.pk}", facts)
    return changed


def restore_records(actor: Actor, dataset: Dataset, record_ids: Collection[int]) -> int:
    """Bring removed records back, with the labels they had. Returns how many that were.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    with transaction.atomic():
        rows = Record.objects.filter(
            dataset=dataset, pk__in=list(record_ids), state=RecordState.REMOVED
        )
        back = {"revision": F("revision") + 1, "changed_by": actor.user}
        now = timezone.now()
        changed = rows.filter(labels__isnull=True).update(
            state=RecordState.TODO, changed_at=now, **back
        )
        changed += rows.filter(labels__isnull=False).update(
            state=RecordState.LABELLED, changed_at=now, **back
        )
        facts = {"records": changed}
        audit(actor, dataset.project, "dataset.records_restored", f"dataset:{dataset.pk}", facts)
    return changed


def archive(actor: Actor, dataset: Dataset, why: str) -> None:
    """Put a dataset away: it is no longer listed, and nothing in it changes until it comes back.
    Its versions, and the models trained on them, stay as they are.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        DatasetRefused: nothing was said of why, or an import or a training is at work on it.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    why = _said(why)
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)
        _require_quiet(locked)
        locked.archived_at = locked.archived_at or timezone.now()
        locked.takes_corrections = False
        locked.save(update_fields=["archived_at", "takes_corrections"])
        facts = {"name": locked.name, "why": why}
        audit(actor, dataset.project, "dataset.archived", f"dataset:{dataset.pk}", facts)
    dataset.archived_at, dataset.takes_corrections = locked.archived_at, False


def unarchive(actor: Actor, dataset: Dataset) -> None:
    """Take an archived dataset out again.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    with transaction.atomic():
        Dataset.objects.filter(pk=dataset.pk).update(archived_at=None)
        facts = {"name": dataset.name}
        audit(actor, dataset.project, "dataset.unarchived", f"dataset:{dataset.pk}", facts)
    dataset.archived_at = None


def delete(actor: Actor, dataset: Dataset, why: str) -> None:
    """Delete a dataset that holds nothing, for good.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        DatasetRefused: nothing was said of why, or it has records or versions: archive it.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    why = _said(why)
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)
        _require_quiet(locked)
        if locked.records.exists() or locked.versions.exists():
            raise DatasetRefused(
                _(
                    "%(name)s has records or versions, which stay for what was trained on them: "
                    "archive it instead."
                )
                % {"name": locked.name},
                code="dataset_used",
            )
        facts = {"name": locked.name, "app": locked.app, "why": why}
        audit(actor, dataset.project, "dataset.deleted", f"dataset:{locked.pk}", facts)
        locked.delete()


def require_open(dataset: Dataset) -> None:
    """Pass in silence unless the dataset is archived.

    Raises:
        DatasetRefused: it is.
    """
    if Dataset.objects.filter(pk=dataset.pk, archived_at__isnull=False).exists():
        raise DatasetRefused(
            _("%(name)s is archived: take it out of the archive first.") % {"name": dataset.name},
            code="dataset_archived",
        )


def _said(why: str) -> str:
    why = why.strip()
    if not why:
        raise DatasetRefused(
            _("Say why in a few words; the audit log keeps it."), code="reason_missing"
        )
    return why[:500]


def _require_quiet(dataset: Dataset) -> None:
    """Nothing works on it: neither an import nor a training that has not ended."""
    busy = dataset.imports.filter(state__in=IMPORT_OPEN).exists()
    if busy or dataset.versions.filter(runs__isnull=False, runs__ended_at__isnull=True).exists():
        raise DatasetRefused(
            _("An import or a training is at work on %(name)s: cancel it, or wait for its end.")
            % {"name": dataset.name},
            code="dataset_busy",
        )

"""Which split and which group records belong to: `set_split`, `set_group`, `group_by_name`."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record as audit
from loupe.datasets import grouping
from loupe.datasets.errors import DatasetRefused
from loupe.datasets.models import Dataset, Record, Split


def set_split(actor: Actor, dataset: Dataset, record_ids: Collection[int], split: str) -> int:
    """Put records, and all others of their groups, into a split for good; ``""`` leaves it to the
    next version again. Returns how many records that were.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        DatasetRefused: there is no such split.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    if split not in {"", *Split.values}:
        raise DatasetRefused(
            _("split=%(split)r is not one of train, val and test, or empty.") % {"split": split},
            code="split_unknown",
        )
    with transaction.atomic():
        chosen = _of(dataset, record_ids)
        groups = set(chosen.exclude(group="").values_list("group", flat=True))
        changed = chosen.update(split=split)
        rest = Record.objects.filter(dataset=dataset, group__in=groups).exclude(split=split)
        changed += rest.update(split=split)
        facts = {"split": split, "records": changed}
        audit(actor, dataset.project, "dataset.split_set", f"dataset:{dataset.pk}", facts)
    return changed


def set_group(actor: Actor, dataset: Dataset, record_ids: Collection[int], group: str) -> int:
    """Say which lot, board or part records belong to. Returns how many records that were.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    with transaction.atomic():
        changed = _of(dataset, record_ids).update(group=group.strip()[: grouping.LONGEST])
        facts = {"group": group.strip(), "records": changed}
        audit(actor, dataset.project, "dataset.group_set", f"dataset:{dataset.pk}", facts)
    return changed


def group_by_name(actor: Actor, dataset: Dataset, rule: str, *, overwrite: bool = False) -> int:
    """Read the groups of all records from their names; those that have one keep it unless
    `overwrite`. Returns how many records changed.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        DatasetRefused: the rule says nothing known.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    rule = grouping.check(rule)
    with transaction.atomic():
        rows = Record.objects.select_for_update(of=("self",)).filter(dataset=dataset)
        changed = []
        for record in rows.only("pk", "name", "group"):
            group = grouping.group_of(record.name, rule)
            if group != record.group and (overwrite or not record.group):
                record.group = group
                changed.append(record)
        Record.objects.bulk_update(changed, ["group"], batch_size=500)
        facts = {"rule": rule, "records": len(changed)}
        audit(actor, dataset.project, "dataset.grouped", f"dataset:{dataset.pk}", facts)
    return len(changed)


def _of(dataset: Dataset, record_ids: Collection[int]) -> "QuerySet[Record]":
    return Record.objects.filter(dataset=dataset, pk__in=list(record_ids))

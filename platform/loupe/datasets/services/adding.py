"""Records for a dataset: from files that are sent, and from results that were inspected."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from loupe.accounts.policy import Action, Actor, require, visible
from loupe.audit.services import record as audit
from loupe.blobs import services as blobs
from loupe.bulk import insert
from loupe.datasets import grouping, vocabulary
from loupe.datasets.models import Dataset, Record
from loupe.datasets.names import Names, group_from_facts, hold
from loupe.datasets.services.removing import require_open
from loupe.datasets.wakeups import fingerprint_after_commit
from loupe.intake.collecting import Collection
from loupe.intake.errors import Refusal, SubmissionRefused
from loupe.intake.sources import Source
from loupe.jobs.models import Result
from loupe.plugins import registry


@dataclass(frozen=True, kw_only=True)
class Added:
    """What came of adding: new records, names of files whose bytes were there already, and files
    that cannot be used."""

    records: tuple[Record, ...]
    present: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


def add_records(
    actor: Actor, dataset: Dataset, sources: Iterable[Source], *, group_by: str = ""
) -> Added:
    """Store every usable file of `sources` (archives opened) as a record to be labelled.

    Args:
        group_by: a rule of `loupe.datasets.grouping`.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        DatasetRefused: `group_by` says nothing known.
        SubmissionRefused: not one file can be used; nothing is kept.
        TooManyFiles, DiskFull: as intake does.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    require_open(dataset)
    vocabulary.labelling_of(dataset.app)
    rule = grouping.check(group_by)
    with Collection(registry.get(dataset.app)) as collection:
        collection.add_all(sources)
        if not collection.taken:
            raise SubmissionRefused(
                _("None of the files can be used."), reasons=tuple(collection.refused)
            )
        blobs.place([taken.written for taken in collection.taken])
        with transaction.atomic():
            kept = blobs.record(
                (taken.written.sha256, taken.written.size, taken.media_type)
                for taken in collection.taken
            )
            hold(dataset)
            names = Names(dataset)
            new: dict[str, Record] = {}
            present = []
            for taken, blob in zip(collection.taken, kept, strict=True):
                if blob.pk in names.blobs or blob.pk in new:
                    present.append(taken.name)
                    continue
                new[blob.pk] = Record(
                    dataset=dataset,
                    blob=blob,
                    name=names.free(taken.name),
                    group=grouping.group_of(taken.name, rule),
                )
            records = insert(new.values())
            fingerprint_after_commit(dataset)
            facts = {"records": len(records), "refused": len(collection.refused)}
            audit(actor, dataset.project, "dataset.records_added", f"dataset:{dataset.pk}", facts)
    return Added(records=tuple(records), present=tuple(present), refused=tuple(collection.refused))


def add_results(actor: Actor, dataset: Dataset, results: Sequence[Result]) -> Added:
    """Take inputs of results in as records to be labelled; each keeps its result, for proposals.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here, or see one of the results.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    require_open(dataset)
    ids = [result.pk for result in results]
    rows = (
        visible(Result.objects.filter(pk__in=ids), actor)
        .filter(project=dataset.project, app=dataset.app, item__input__blob__isnull=False)
        .select_related("item__input__blob", "item__input__submission")
        .order_by("pk")
    )
    with transaction.atomic():
        hold(dataset)
        names = Names(dataset)
        new: dict[str, Record] = {}
        present = []
        for result in rows:
            found = result.item.input
            if found is None or found.blob is None:
                continue
            if found.blob_id in names.blobs or found.blob_id in new:
                present.append(found.name)
                continue
            new[found.blob.pk] = Record(
                dataset=dataset,
                blob=found.blob,
                name=names.free(found.name),
                group=group_from_facts(found.submission.facts),
                result=result,
            )
        records = insert(new.values())
        fingerprint_after_commit(dataset)
        facts = {"records": len(records), "from": "results"}
        audit(actor, dataset.project, "dataset.records_added", f"dataset:{dataset.pk}", facts)
    return Added(records=tuple(records), present=tuple(present))

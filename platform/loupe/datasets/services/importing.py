"""Whole datasets in the field's layouts: `import_archive`, `cancel_import`."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record as audit
from loupe.blobs import services as blobs
from loupe.blobs.sniff import content
from loupe.datasets import wakeups
from loupe.datasets.errors import ImportStateRefused
from loupe.datasets.importing.folder import Options
from loupe.datasets.importing.unpacking import ARCHIVES
from loupe.datasets.models import IMPORT_OPEN, Dataset, Import, ImportState
from loupe.intake.errors import ArchiveRefused
from loupe.intake.sources import Source


def import_archive(
    actor: Actor, dataset: Dataset, source: Source, options: Options | None = None
) -> Import:
    """Take a zip or tar in and have a worker bring its records into the dataset.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        DatasetRefused: an option says nothing known.
        ArchiveRefused: the file is no archive.
        DiskFull: there is no room.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    chosen = dict((options or Options()).checked(dataset.app))
    media_type = content.media_type(source.path)
    if media_type not in ARCHIVES:
        raise ArchiveRefused(
            _("%(name)r is no zip or tar archive: pack the dataset's folder into one.")
            % {"name": source.name},
            code="not_an_archive",
        )
    if source.written is not None:
        blob = blobs.store_written([(source.written, media_type)])[0]
    else:
        blob = blobs.store(source.path, media_type)
    with transaction.atomic():
        row = Import.objects.create(
            dataset=dataset,
            name=source.name[:255],
            blob=blob,
            options=chosen,
            created_by=actor.user,
        )
        wakeups.import_after_commit(row.pk)
        facts = {"import": str(row.pk), "file": row.name, "sha256": blob.pk}
        audit(actor, dataset.project, "dataset.import_begun", f"dataset:{dataset.pk}", facts)
    return row


def cancel_import(actor: Actor, row: Import) -> Import:
    """End an import before its records appear; nothing of it stays in the dataset.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        ImportStateRefused: it has ended already.
    """
    require(actor, Action.MANAGE_DATASETS, row.dataset.project)
    with transaction.atomic():
        ended = Import.objects.filter(pk=row.pk, state__in=IMPORT_OPEN).update(
            state=ImportState.CANCELLED,
            lease_token=None,
            lease_until=None,
            ended_at=timezone.now(),
        )
        if not ended:
            raise ImportStateRefused(
                _("The import has ended: there is nothing to cancel. Its records can be left out.")
            )
        facts = {"import": str(row.pk)}
        audit(
            actor,
            row.dataset.project,
            "dataset.import_cancelled",
            f"dataset:{row.dataset_id}",
            facts,
        )
    row.refresh_from_db()
    return row

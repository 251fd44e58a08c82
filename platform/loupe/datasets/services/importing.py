"""Whole datasets in the field's layouts: `import_archive`, `import_files`, `cancel_import`."""

import zipfile
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record as audit
from loupe.blobs import services as blobs
from loupe.blobs import spool, writing
from loupe.blobs.sniff import content
from loupe.datasets import wakeups
from loupe.datasets.errors import ImportStateRefused
from loupe.datasets.importing.options import Options
from loupe.datasets.importing.unpacking import ARCHIVES
from loupe.datasets.models import IMPORT_OPEN, Dataset, Import, ImportState
from loupe.datasets.services.removing import require_open
from loupe.intake.archives.budget import too_many
from loupe.intake.errors import ArchiveRefused, SubmissionRefused
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
    require_open(dataset)
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


def import_files(
    actor: Actor, dataset: Dataset, sources: Sequence[Source], options: Options | None = None
) -> Import:
    """Take files in as they lie in a folder, with or without labels beside them: one archive as it
    is, anything else packed into one first.

    Raises:
        As `import_archive`; SubmissionRefused: nothing was sent; TooManyFiles: too much was.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    if not sources:
        raise SubmissionRefused(
            _("Nothing was sent. Choose at least one file."), reasons=(), code="empty_submission"
        )
    if len(sources) == 1 and content.media_type(sources[0].path) in ARCHIVES:
        return import_archive(actor, dataset, sources[0], options)
    if len(sources) > settings.MAX_FILES:
        raise too_many(settings.MAX_FILES)
    packed = spool.at(settings.SPOOL).new_file()
    with writing.Writer(packed) as writer:
        _pack(sources, writer)
        written = writer.finish()
    tops = {source.name.partition("/")[0] for source in sources if "/" in source.name}
    name = tops.pop() if len(tops) == 1 else sources[0].name
    if len(sources) > 1 and "/" not in sources[0].name:
        name = _("%(name)s and %(count)s more") % {
            "name": sources[0].name[:200],
            "count": len(sources) - 1,
        }
    return import_archive(actor, dataset, Source.spooled(name, written), options)


def _pack(sources: Sequence[Source], writer: writing.Writer) -> None:
    """A zip of the files, stored, under the names they were sent with."""
    with zipfile.ZipFile(_Into(writer), "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for source in sources:
            entry = zipfile.ZipInfo(source.name.lstrip("/"), (1980, 1, 1, 0, 0, 0))
            with source.path.open("rb") as file, archive.open(entry, "w") as target:
                while chunk := file.read(writing.CHUNK_BYTES):
                    target.write(chunk)


class _Into:
    """A file-like face of a `Writer`, for writing only."""

    def __init__(self, writer: writing.Writer) -> None:
        self._writer = writer

    def write(self, data: bytes, /) -> int:
        """Append `data`."""
        self._writer.write(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The `Writer` is finished by whoever made it."""


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

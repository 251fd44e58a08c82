"""Imports a folder on this machine at once, with nothing but the database: `import_folder`, and
`import_named` where a command names the dataset."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.reporter import Reporter
from loupe.datasets import vocabulary
from loupe.datasets.errors import DatasetRefused
from loupe.datasets.importing import adding, plan, scratch, storing
from loupe.datasets.importing.lease import Lease
from loupe.datasets.importing.options import Options
from loupe.datasets.importing.work import READ_SECONDS, read
from loupe.datasets.models import Dataset, Import, ImportPhase, ImportState
from loupe.datasets.services.creating import create
from loupe.datasets.services.removing import delete
from loupe.plugins import registry
from loupe.sandbox.pool import SandboxPool


def import_named(
    actor: Actor,
    project: Project,
    app: str,
    name: str,
    folder: Path,
    options: Options,
    reporter: Reporter,
) -> tuple[Dataset, Import]:
    """As `import_folder`, into the project's dataset of that name. It is made where there is none,
    and not left behind where the folder was refused.

    Raises:
        As `import_folder`; DatasetRefused: the name is not allowed.
    """
    there = Dataset.objects.filter(project=project, app=app, name=name).first()
    dataset = there or create(actor, project, app, name)
    try:
        return dataset, import_folder(actor, dataset, folder, options, reporter)
    except LoupeError:
        if there is None and not dataset.records.exists():
            delete(actor, dataset, "Nothing could be read from the folder it was made for.")
        raise


def import_folder(
    actor: Actor, dataset: Dataset, folder: Path, options: Options, reporter: Reporter
) -> Import:
    """Read `folder` in a sandbox, copy what it names into storage and add the records.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        InputRefused: the folder as a whole cannot be read; the import says so as well.
        DatasetRefused: an option says nothing known, or the classes cannot be joined.
        DiskFull: there is no room.
        Cancelled: the reporter says so; nothing is added.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    chosen = dict(options.checked(dataset.app))
    if not folder.is_dir():
        raise DatasetRefused(
            _("%(folder)s is no folder: name the dataset's folder.") % {"folder": folder},
            code="no_folder",
        )
    now = timezone.now()
    token = uuid.uuid4()
    row = Import.objects.create(
        dataset=dataset,
        name=str(folder)[:255],
        options=chosen,
        state=ImportState.RUNNING,
        phase=ImportPhase.READING,
        lease_token=token,
        lease_until=now + timedelta(seconds=settings.LEASE_SECONDS),
        created_by=actor.user,
        started_at=now,
    )
    lease = Lease(row.pk, token)
    try:
        _work(lease, row, folder.resolve(), chosen, reporter)
    except LoupeError as error:
        lease.fail(error.code, error.message)
        raise
    finally:
        scratch.of(row.pk).remove()
    row.refresh_from_db()
    return row


def _work(
    lease: Lease, row: Import, folder: Path, options: Mapping[str, str], reporter: Reporter
) -> None:
    dataset = row.dataset
    app, labelling = registry.get(dataset.app), vocabulary.labelling_of(dataset.app)
    place = scratch.of(row.pk)
    place.make()
    with SandboxPool(1, settings.SANDBOX_MEMORY_BYTES, READ_SECONDS) as pool:
        data = read(pool, labelling, folder, {**options, "name": folder.name}, lease.renew)
        planned = plan.parse(data, labelling, folder)
        lease.enter(ImportPhase.STORING, len(planned.records))

        def go_on(done: int) -> bool:
            lease.renew(done=done)
            reporter.progress(done, len(planned.records), "storing")
            return True

        source = storing.Source(folder, {})
        storing.store(app, labelling, source, planned.records, place.stored, pool, go_on)
    lease.enter(ImportPhase.ADDING, len(planned.records))
    stored = list(storing.stored_in(place.stored))
    adding.add(lease, dataset, planned, stored, (), options["group_by"], row.created_by)

"""What report models learn from in a project: signed reports, or a folder of this machine.

Only hashes of stored bytes and labels are gathered, and of a folder what its files are; the
training reads images itself (`apps.report_gen.training.real.material`), so that no web process or
worker does.
"""

import io
import json
import re
from pathlib import Path
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from apps.report_gen.models import Report, ReportVersion
from apps.report_gen.report import ReportDocument
from apps.report_gen.reporting import labels
from apps.report_gen.services.reporting import consent, reports
from apps.report_gen.services.reporting.volumes import bundle_of
from apps.report_gen.training.real.places import FOLDER_FILE, TABLES, VOLUMES, listing
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.training import Gathered, GatheredFile
from loupe.host import environment
from loupe.host.people import NotVisible, Project

SIGNED: Final = "signed"
FOLDER: Final = "folder-"
MOST_STUDIES: Final = 50_000
OFFERED: Final = 100
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,52}")


def sources(project_id: UUID) -> list[tuple[str, str]]:
    """See `loupe.contract.training.Sources`."""
    found = [(SIGNED, _("Signed reports of this project, with their studies"))]
    for each in _folders(project_id)[:OFFERED]:
        found.append((f"{FOLDER}{each.name}", _("Folder %(name)s") % {"name": each.name}))
    return found


def gather(project_id: UUID, source: str) -> Gathered:
    """See `loupe.contract.training.Gather`.

    Raises:
        InputRefused: there is no such source, it is empty, or nobody has consented to its use.
    """
    if source == SIGNED:
        return _signed(project_id)
    name = source.removeprefix(FOLDER)
    folder = next((each for each in _folders(project_id) if each.name == name), None)
    if folder is None or not source.startswith(FOLDER):
        raise InputRefused(
            _(
                "source=%(source)r is none of this project's: choose signed, or folder- and the "
                "name of a folder of studies."
            )
            % {"source": source[:60]},
            code="unknown_source",
        )
    digest, count = listing(folder)
    if not count:
        raise InputRefused(_("The folder is empty: put studies and tables there."), code="no_study")
    told = json.dumps({"folder": str(folder), "digest": digest, "files": count})
    file = GatheredFile(name=FOLDER_FILE, content=told.encode(), media_type="application/json")
    return Gathered(about={"source": "folder"}, files=[file], counts={"files": count})


def root() -> Path | None:
    """The folder whose folders, by the project's slug, hold studies to learn from."""
    text = environment.text("LOUPE_REPORT_TRAINING", "")
    return Path(text) if text else None


def _folders(project_id: UUID) -> list[Path]:
    top = root()
    if top is None:
        return []
    project = Project.objects.filter(pk=project_id).first()
    place = None if project is None else top / project.slug
    if place is None or not place.is_dir():
        return []
    return sorted(
        each
        for each in place.iterdir()
        if _NAME.fullmatch(each.name) and each.is_dir() and not each.is_symlink()
    )


def _signed(project_id: UUID) -> Gathered:
    project = Project.objects.filter(pk=project_id).first()
    if project is None or not consent.is_given(project):
        raise InputRefused(
            _(
                "This project has not consented to the use of its signed reports as labels: an "
                "administrator can do so on the page Reading."
            ),
            code="no_consent",
        )
    files: list[GatheredFile] = []
    rows: list[tuple[str, str, ReportDocument]] = []
    signed = ReportVersion.objects.filter(report__project=project, signature__isnull=False)
    found = Report.objects.filter(pk__in=signed.values("report"))
    wanted = found.select_related("study__result__item__input__blob")
    for report in wanted.order_by("-pk")[:MOST_STUDIES].iterator(chunk_size=200):
        row, study = reports.signed_version(report), report.study
        if row is None:
            continue
        try:
            blob = bundle_of(study)
        except NotVisible:
            continue
        rows.append((study.uid, study.patient, ReportDocument.model_validate(row.document)))
        files.append(
            GatheredFile(
                name=f"{VOLUMES}{study.uid}.zip", stored=blob.pk, media_type=blob.media_type
            )
        )
    if not files:
        raise InputRefused(
            _("No report of this project is signed and has its images still: sign some first."),
            code="nothing_signed",
        )
    table = io.StringIO(newline="")
    labels.write_with_patients(rows, table)
    content = table.getvalue().encode()
    listed = GatheredFile(name=f"{TABLES}labels.csv", content=content, media_type="text/csv")
    return Gathered(
        about={"source": SIGNED}, files=[listed, *files], counts={"studies": len(files)}
    )

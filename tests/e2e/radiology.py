"""Studies to read; run inside an installation: ``python -m tests.e2e.radiology``.

Phantoms as volumes, their own truth as what the machine found: nothing here depends on a model.
"""

import sys
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path

import django

django.setup()

# ruff: noqa: E402
from django.contrib.auth.models import User
from django.utils import timezone

from apps.report_gen.bundles.manifest import MEDIA_TYPE, Manifest
from apps.report_gen.bundles.writing import write_bundle
from apps.report_gen.deid.files import Cleaned
from apps.report_gen.findings import KEYS, KINDS, FindingSet, State
from apps.report_gen.grammar.slots import Section, slots_of
from apps.report_gen.grammar.writing import ordered, variants
from apps.report_gen.masks import packed
from apps.report_gen.models import Report, Study, StudyState
from apps.report_gen.phantoms.grid import Grid as PhantomGrid
from apps.report_gen.phantoms.phantom import Phantom, make
from apps.report_gen.phantoms.wanted import Scan, Wanted
from apps.report_gen.report import ModelCredit, Part, ReportFinding, ReportSentence
from apps.report_gen.reporting.operations import Confirm
from apps.report_gen.schema import DraftText, GateReason, Grid, Masks, SeriesView, StudyResult
from apps.report_gen.services.reporting import editing, reports, signing
from apps.report_gen.viewing.nifti import nifti
from apps.report_gen.volume import straight_affine
from loupe.accounts.models import Project, Role
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.contract.text import Text
from loupe.jobs.models import Result
from loupe.registry.models import ModelVersion
from loupe.testing import factories

APP = "report_gen"
SHAPE, SPACING = (56, 104, 104), (5.7, 3.4, 3.4)
CREDIT = ModelCredit(
    name="chest", version=1, sha256="0" * 64,
    trained_on=Text(
        en="synthetic phantoms with nodules shaped after LIDC; no patient's study",
        zh="合成体模（结节形状来自 LIDC），未使用任何患者检查",
    ),
)  # fmt: skip
CASES = (
    ("PAT-0007", 7, ("lung_nodule", "pleural_effusion", "emphysema"), 0),
    ("PAT-0007", 7, ("lung_nodule", "pleural_effusion", "emphysema"), 90),
    ("PAT-0019", 23, ("mass", "consolidation"), 0),
)
"""Patient, seed, what it shows, and how many days ago it came."""


def main() -> None:
    """A project of its own, with somebody who reads, a second reader, and a head of department;
    nothing where it is there."""
    if Project.objects.filter(slug="ward").exists():
        return
    ward = factories.project("ward", "Radiology", "Europe/Berlin")
    head = factories.person("head", ward, Role.ADMIN, first_name="Anna", last_name="Berg")
    factories.person("reader", ward, Role.REVIEWER, first_name="Rui", last_name="Wang")
    factories.person("second", ward, Role.REVIEWER)
    factories.person("looker", ward, Role.VIEWER)
    fill(ward, head)


def again() -> None:
    """The newest open study of PAT-0019 is read once more, and more is found in it."""
    line = Project.objects.get(slug="ward")
    head = User.objects.get(username="head")
    read = Study.objects.filter(patient="PAT-0019").latest("arrived_at")
    version = ModelVersion.objects.get(model__app=APP, model__project=line)
    other = study(line, head, version, "PAT-0019", 23, (*CASES[2][2], "pleural_effusion"), 1)
    result, other.result = other.result, None
    other.delete()
    Study.objects.filter(pk=read.pk).update(result=result)


def fill(line: Project, anna: User) -> list[Study]:
    """Make the studies."""
    version = factories.model_version(line, APP, "chest")
    made = [study(line, anna, version, *case) for case in CASES]
    signed(anna, made[1])
    Study.objects.create(
        project=line, uid="2.25.9001", patient="PAT-0044", channel="dicom", files=212,
        state=StudyState.ARRIVING, arrived_at=timezone.now(), last_image_at=timezone.now(),
    )  # fmt: skip
    return made


def study(
    line: Project, anna: User, version: object, patient: str, seed: int, kinds: tuple[str, ...],
    days: int, blob: Blob | None = None,
) -> Study:  # fmt: skip
    """One study as the machine would have left it; its images are the phantom's, or `blob`."""
    phantom, at = drawn(seed, kinds), timezone.now() - timedelta(days=days, minutes=seed)
    uid = f"2.25.{seed}{days:03d}"
    result = as_result(phantom, uid)
    made = factories.Made(
        name=f"{uid}.study", data=result.model_dump(mode="json"),
        blob=blob or bundled(phantom, uid),
        times_ms={"queue": 80.0, "read": 940.0, "prepare": 90.0, "detect": 3100.0, "write": 210.0,
                  "store": 12.0},
    )  # fmt: skip
    job = factories.job(line, APP, [made], version=version, name=uid, user=anna, at=at)  # type: ignore[arg-type]
    row = Result.objects.get(job=job)
    present = [key for key, state in _states(result).items() if state is State.PRESENT]
    return Study.objects.create(
        project=line, uid=uid, patient=patient, state=StudyState.DRAFTED, channel="dicom",
        files=SHAPE[0], bytes=1, result=row, job_id=job.pk, present=present, priority=row.score,
        critical=any(KINDS[key].critical for key in present), arrived_at=at, last_image_at=at,
        complete_at=at, drafted_at=at,
    )  # fmt: skip


def signed(anna: User, prior: Study) -> None:
    """Confirm everything of a study and sign it."""
    actor = factories.actor(anna)
    whole = reports.opened(prior)
    for each in whole.document.findings:
        if each.state is State.PRESENT:
            edit = Confirm(verb="confirm", finding=each.id)
            editing.edit(actor, prior, Report.objects.get(study=prior).revision, edit)
    report = Report.objects.get(study=prior)
    signing.sign(actor, prior, report.revision, factories.PASSWORD)


@cache
def drawn(seed: int, kinds: tuple[str, ...]) -> Phantom:
    """A phantom that shows these findings."""
    return make(
        seed, PhantomGrid(shape=SHAPE, spacing=SPACING),
        Wanted(findings=frozenset(kinds), scan=Scan()),
    )  # fmt: skip


def as_result(phantom: Phantom, uid: str) -> StudyResult:
    """What a machine without fault would say of a phantom."""
    grid = _grid(SHAPE, SPACING)
    regions = phantom.regions.numpy().astype("<u2")[::2, ::2, ::2]
    half = (SPACING[0] * 2, SPACING[1] * 2, SPACING[2] * 2)
    findings = tuple(
        ReportFinding(
            id=each.id, kind=each.kind, state=each.state,
            probability=0.93 if each.state is State.PRESENT else 0.02, side=each.side,
            lobes=each.lobes, size_mm=each.size_mm, volume_ml=each.volume_ml, centre=each.centre,
            box=each.box, label=each.label,
        )
        for each in phantom.truth.findings
    )  # fmt: skip
    note = GateReason(
        code="chosen", severity="note", en="This series is read: the only usable series.",
        zh="读取该序列：唯一可用的序列。",
    )  # fmt: skip
    return StudyResult(
        status="drafted", study_uid=uid, series_uid=f"{uid}.1",
        series=(
            SeriesView(
                series_uid=f"{uid}.1", status="usable", chosen=True, number=3, modality="CT",
                kernel="B45f", files=SHAPE[0], shape=SHAPE, spacing=SPACING, reasons=(note,),
            ),
        ),
        reasons=(note,), volume=grid, findings=findings,
        drafts=tuple(
            DraftText(language=language, sentences=sentences(phantom.truth, language))
            for language in ("en", "zh")
        ),
        masks=Masks(
            grid=grid, labels=packed(phantom.labels.numpy()),
            region_grid=_grid(regions.shape, half), regions=packed(regions), region_kinds=KEYS,
        ),
        model=CREDIT, stages_ms={"prepare": 90.0, "detect": 3100.0, "write": 210.0},
    )  # fmt: skip


def sentences(truth: FindingSet, language: str) -> tuple[ReportSentence, ...]:
    """The grammar's first wording of everything that has to be said."""
    return tuple(
        ReportSentence(
            part=Part.FINDINGS if slot.section is Section.FINDINGS else Part.IMPRESSION,
            text=variants(slot, language)[0], findings=slot.ids,
        )
        for slot in ordered(slots_of(truth), None)
    )  # fmt: skip


def bundled(phantom: Phantom, uid: str) -> Blob:
    """The phantom's volume as a stored bundle."""
    content = nifti(phantom.hu.numpy(), straight_affine(SPACING))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study"
        image = Cleaned(name="00000001.nii.gz", content=content)
        write_bundle(path, [image], Manifest(study_uid=uid))
        return blobs.store(path, MEDIA_TYPE)


def _grid(shape: tuple[int, ...], spacing: tuple[float, float, float]) -> Grid:
    return Grid.model_validate(
        {"shape": tuple(shape), "spacing": spacing, "affine": straight_affine(spacing).tolist()}
    )


def _states(result: StudyResult) -> dict[str, State]:
    there = {one.kind for one in result.findings if one.state is State.PRESENT}
    return {key: State.PRESENT if key in there else State.ABSENT for key in KEYS}


if __name__ == "__main__":
    again() if sys.argv[1:] == ["again"] else main()

"""Editions, identities and masked scans that the tests of outputs share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from apps.report_gen.findings import NOT_ASSESSED, Lobe, Side, State
from apps.report_gen.outputs.edition import Edition, OutputIdentity
from apps.report_gen.outputs.masks import Masks
from apps.report_gen.outputs.scan import Scan
from apps.report_gen.reading.studies import read_study
from apps.report_gen.report import (
    ModelCredit,
    Origin,
    Part,
    ReportDocument,
    ReportFinding,
    ReportSentence,
    ReportState,
    Signature,
)
from apps.report_gen.volume import Volume
from loupe.contract.text import Text
from tests.apps.report_gen import studies

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

NODULE = ReportFinding(
    id="lung_nodule.1", kind="lung_nodule", state=State.PRESENT, side=Side.RIGHT,
    lobes=(Lobe.RIGHT_UPPER,), size_mm=30.0, volume_ml=14.1, probability=0.93, label=1,
)  # fmt: skip
EFFUSION = ReportFinding(
    id="pleural_effusion", kind="pleural_effusion", state=State.PRESENT, side=Side.LEFT,
    volume_ml=210.0, probability=0.81,
)  # fmt: skip
BOXED = ReportFinding(
    id="r1", kind="mass", state=State.PRESENT, origin=Origin.READER, side=Side.LEFT,
    box=((0.0, 20.0), (0.0, 30.0), (3.0, 45.0)), centre=(10.0, 15.0, 24.0), comment="Look <here>",
)  # fmt: skip
ABSENT = ReportFinding(id="pneumothorax", kind="pneumothorax", state=State.ABSENT, probability=0.02)
UNCERTAIN = ReportFinding(id="emphysema", kind="emphysema", state=State.UNCERTAIN, probability=0.49)


def document(
    findings: Sequence[ReportFinding] = (NODULE, EFFUSION, BOXED, ABSENT, UNCERTAIN),
    language: str = "en",
    **other: Any,
) -> ReportDocument:
    """A report on `findings`."""
    zh = language == "zh"
    told: dict[str, Any] = {
        "language": language,
        "study_uid": "2.25.11",
        "series_uid": "2.25.12",
        "sentences": (
            ReportSentence(part=Part.INDICATION, text="肺癌筛查。" if zh else "Screening."),
            ReportSentence(
                part=Part.FINDINGS,
                text="右肺上叶见一肺结节，最大径30 mm。"
                if zh
                else "There is a 30 mm nodule in the right upper lobe.",
                findings=("lung_nodule.1",),
            ),
            ReportSentence(
                part=Part.IMPRESSION,
                text="右侧肺结节，30 mm。" if zh else "Nodule on the right side, 30 mm.",
                findings=("lung_nodule.1",),
            ),
        ),
        "findings": tuple(findings),
        "not_assessed": NOT_ASSESSED,
        "model": ModelCredit(
            name="chest", version=3, sha256="ab" * 32,
            trained_on=Text(en="phantoms that never were patients", zh="并非患者的体模"),
        ),
    }  # fmt: skip
    return ReportDocument(**{**told, **other})


def edition(
    of: ReportDocument | None = None,
    state: ReportState = ReportState.DRAFT,
    version: int = 1,
    previous: Edition | None = None,
    name: str = "Dr. Li 李医生",
) -> Edition:
    """An edition, signed where its state asks for it."""
    of = of or document()
    signature = None
    if state in (ReportState.SIGNED, ReportState.AMENDED):
        signature = Signature(
            name=name,
            meaning=Text(en="I stand by this report.", zh="本人确认此报告。"),
            signed_at=AT,
            content_hash=of.content_hash(),
            version=version,
        )
    return Edition(
        document=of, state=state, version=version, made_at=AT, signature=signature,
        previous=previous,
    )  # fmt: skip


def identity(images: Sequence[FileDataset] = (), **other: Any) -> OutputIdentity:
    """Of the study of `images`."""
    told: dict[str, Any] = {
        "study_uid": "1.2.3.4",
        "series_uid": "1.2.3.5",
        "patient_name": "Zhang^Wei=张^伟",
        "patient_id": "MRN-1",
        "birth_date": date(1960, 2, 3),
        "sex": "F",
        "accession": "ACC-7",
        "referring_physician": "Müller^Jörg",
        "institution": "第一医院",
        "study_id": "S1",
        "study_date": datetime(2026, 3, 1, 9, 30),
    }
    if images:
        told["study_uid"] = images[0].StudyInstanceUID
        told["series_uid"] = images[0].SeriesInstanceUID
        told["frame_of_reference_uid"] = images[0].FrameOfReferenceUID
    return OutputIdentity(**{**told, **other})


@dataclass(frozen=True, kw_only=True)
class Made:
    """A study read back, with a mask of its nodule and of the left lung's lowest part."""

    images: list[FileDataset]
    volume: Volume
    scan: Scan
    masks: Masks
    identity: OutputIdentity


def lps_of(volume: Volume) -> NDArray[Any]:
    """LPS mm of every voxel."""
    index = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), -1)
    return volume.to_patient(index.astype(float)) * (-1.0, -1.0, 1.0)


def study(folder: Path, taken: studies.Taken | None = None) -> Made:
    """An analytic chest, written, read, and masked by its truth."""
    images = studies.series(taken or studies.Taken())
    found = read_study([studies.write(images, folder / "study")])
    volume = found.volume
    assert volume is not None, found
    lps = lps_of(volume)
    nodule = ((lps - studies.NODULE) ** 2).sum(-1) <= 15**2
    effusion = (((lps - (80.0, 30.0, -60.0)) / (40.0, 30.0, 30.0)) ** 2).sum(-1) <= 1
    return Made(
        images=images,
        volume=volume,
        scan=Scan.of(volume),
        masks=Masks(
            labels=nodule.astype(np.uint8), affine=volume.affine,
            regions={"pleural_effusion": effusion},
        ),
        identity=identity(images),
    )  # fmt: skip

"""From files as they came to one bundle a study: sort, de-identify, tell what was left out.

Runs where raw files may be decoded: in a child process of its own (`apps.report_gen.bundles`), or
at a terminal. One file's bytes and the words that name somebody are in memory at a time.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage

from apps.report_gen.bundles.manifest import LONGEST_TEXT, ClinicalText, Manifest
from apps.report_gen.bundles.problems import problems_of
from apps.report_gen.bundles.refusing import refused_views
from apps.report_gen.bundles.writing import BundleWriter
from apps.report_gen.deid.files import Cleaned, deidentify_dicom
from apps.report_gen.deid.identity import Identity
from apps.report_gen.deid.nifti import cleaned_nifti
from apps.report_gen.deid.pseudonyms import Pseudonyms
from apps.report_gen.reading import tags
from apps.report_gen.reading.deflated import plain_bytes
from apps.report_gen.reading.faults import (
    DAMAGE,
    FILE,
    MISSING,
    Fault,
    Faulty,
    faulty,
    unreadable,
)
from apps.report_gen.reading.grouping import opened
from apps.report_gen.reading.limits import DEFAULT, Limits
from apps.report_gen.reading.quiet import quiet
from apps.report_gen.reading.sniffing import Kind
from apps.report_gen.reading.sources import Source
from apps.report_gen.reading.studies import gate
from apps.report_gen.schema import MOST_SERIES, SeriesView
from loupe.contract.text import Text

MOST_STUDIES: Final = 100
"""Of one delivery."""
SAID: Final = {
    "patient_id": "PatientID",
    "issuer": "IssuerOfPatientID",
    "name": "PatientName",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
    "accession": "AccessionNumber",
    "study_uid": "StudyInstanceUID",
    "study_id": "StudyID",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "referrer": "ReferringPhysicianName",
    "description": "StudyDescription",
    "institution": "InstitutionName",
}
"""What is kept of a patient and a study, in the clinical store alone, by DICOM's keywords."""
_LONGEST: Final = 400


@dataclass(slots=True)
class Made:
    """A bundle, and what belongs into the clinical store beside it.

    Attributes:
        person: by the keys of `SAID`; empty for NIfTI, which names nobody.
        uids: original UIDs by their pseudonyms.
        sources: names of the files or zips that gave images of it.
    """

    path: Path
    manifest: Manifest
    person: dict[str, str] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    files: int = 0
    bytes: int = 0


@dataclass(slots=True)
class _Study:
    """`left_out` holds neutral names of files that may not go on, by those they came under."""

    uid: str
    person: dict[str, str] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    patient: str = ""
    files: int = 0
    bytes: int = 0
    writer: BundleWriter | None = None
    path: Path = Path()


class Sorter:
    """Makes bundles of what lies at `paths` in `folder`.

    Args:
        clinical: indication, history, laboratory, prior_report as they were sent; names in them are
            taken out before they go into a bundle.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        folder: Path,
        pseudonyms: Pseudonyms,
        *,
        language: Literal["en", "zh"] = "en",
        clinical: Mapping[str, str] | None = None,
        limits: Limits = DEFAULT,
    ) -> None:
        self._paths, self._folder, self._limits = list(paths), folder, limits
        self._given = frozenset(self._paths)
        self._pseudonyms, self._language = pseudonyms, language
        self._clinical = dict(clinical or {})
        self._studies: dict[str, _Study] = {}
        self._everybody = Identity()
        self._place: dict[str, str] = {}
        self._nobodys = ""
        self._indices: list[str] = []
        self.faults: list[Fault] = []
        """Files that belong to no study, with their names as they came: for the sender alone."""

    def bundles(self) -> list[Made]:
        """Every study that came, one bundle each."""
        with quiet():
            self._look()
            self._write()
            return [self._made(each) for each in self._studies.values()]

    def _look(self) -> None:
        """First time through: whose file is it, and which words name somebody."""
        with opened(self._paths, self._limits) as sources:
            for source, content in sources:
                try:
                    self._sort(source, content)
                except Faulty as error:
                    self.faults.append(error.fault)
            self.faults += sources.faults
        self._set_nobodys_aside()
        if not self._studies and not self.faults:
            self.faults += [_index(name).fault for name in self._indices]

    def _set_nobodys_aside(self) -> None:
        """DICOM files that do not say whose they are stay out where others do say it."""
        nobodys = f"nobodys/{self._nobodys}"
        others = [uid for uid in self._studies if uid != nobodys and not uid.startswith("nifti/")]
        if nobodys not in self._studies or not others:
            return
        del self._studies[nobodys]
        for name, uid in list(self._place.items()):
            if uid == nobodys:
                del self._place[name]
                error = faulty(name, "missing_tag", "StudyInstanceUID", MISSING, _NEEDED)
                self.faults.append(error.fault)

    def _sort(self, source: Source, content: bytes) -> None:
        if source.kind is not Kind.DICOM:
            uid = f"nifti/{hashlib.sha256(content).hexdigest()}"
            study = self._study(uid, source)
        else:
            dataset = _header(source, content, self._limits)
            sop_class = tags.text(dataset.file_meta, "MediaStorageSOPClassUID")
            if sop_class == MediaStorageDirectoryStorage:
                self._indices.append(source.name)
                return  # of a disc: nobody has to be told that it is no image
            uid = tags.text(dataset, "StudyInstanceUID")
            if not uid:
                # Files that do not say whose they are make one study, which the gate refuses.
                self._nobodys = self._nobodys or hashlib.sha256(content).hexdigest()
                uid = f"nobodys/{self._nobodys}"
            study = self._study(uid, source)
            self._everybody.learn(dataset)
            self._note(study, dataset)
        study.files += 1
        study.bytes += len(content)
        study.sources.add(self._outer(source))
        self._place[source.name] = uid

    def _outer(self, source: Source) -> str:
        """The file that a source came in: itself, or its zip or folder."""
        return source.name if source.path in self._given else source.name.split("/", 1)[0]

    def _study(self, uid: str, source: Source) -> _Study:
        if uid not in self._studies:
            if len(self._studies) >= MOST_STUDIES:
                raise faulty(
                    source.name, "too_many_studies", _STUDIES, len(self._studies) + 1, _FEWER
                )
            path = self._folder / f"study-{len(self._studies) + 1:04d}.zip"
            self._studies[uid] = _Study(uid=uid, path=path)
        return self._studies[uid]

    def _note(self, study: _Study, dataset: Dataset) -> None:
        if not study.person:
            study.person = {
                key: tags.text(dataset, keyword)[:_LONGEST] for key, keyword in SAID.items()
            }
            study.patient = self._pseudonyms.patient(
                study.person["patient_id"], study.person["issuer"]
            )
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            original = tags.text(dataset, keyword)
            if original:
                study.uids[self._pseudonyms.uid(original)] = original

    def _write(self) -> None:
        """Second time through: every file, de-identified, into the bundle of its study."""
        for study in self._studies.values():
            study.writer = BundleWriter(study.path)
        number = 0
        with opened(self._paths, self._limits) as sources:
            for source, content in sources:
                study_of = self._studies.get(self._place.get(source.name, ""))
                if study_of is None or study_of.writer is None:
                    continue
                number += 1
                kind = "image-{:05d}.dcm" if source.kind is Kind.DICOM else "volume-{:05d}.nii.gz"
                name = kind.format(number)
                try:
                    made = self._cleaned(source, content)
                except Faulty as error:
                    study_of.faults.append(error.fault)
                    study_of.left_out[source.name] = name
                    continue
                if made is not None:
                    study_of.writer.add(Cleaned(name, made))

    def _cleaned(self, source: Source, content: bytes) -> bytes | None:
        if source.kind is not Kind.DICOM:
            return cleaned_nifti(source, content, self._limits)
        return deidentify_dicom(source, content, self._pseudonyms, self._everybody, self._limits)

    def _made(self, study: _Study) -> Made:
        writer = study.writer
        if writer is None:
            raise TypeError("A study without a bundle cannot be finished.")
        manifest = Manifest(
            study_uid=self._pseudonyms.uid(study.uid),
            patient=study.patient,
            language=self._language,
            clinical=self._cleaned_text(),
            images=writer.images,
            problems=problems_of(study.faults),
            refused=self._refused(study) if study.left_out else (),
        )
        writer.close(manifest)
        return Made(
            path=study.path, manifest=manifest, person=study.person, uids=study.uids,
            sources=study.sources, files=study.files, bytes=study.bytes,
        )  # fmt: skip

    def _refused(self, study: _Study) -> tuple[SeriesView, ...]:
        """What the gate says of files that may not go on, such as MR or a dose report."""
        verdicts = gate(self._paths, self._limits, study.left_out)
        views = refused_views(verdicts, study.faults, self._pseudonyms, self._everybody)
        return views[:MOST_SERIES]

    def _cleaned_text(self) -> ClinicalText:
        told = {
            key: self._everybody.clean(self._clinical.get(key, ""))[:LONGEST_TEXT]
            for key in ClinicalText.model_fields
        }
        return ClinicalText(**told)


def _header(source: Source, content: bytes, limits: Limits) -> Dataset:
    plain = plain_bytes(content, source.name, limits)
    try:
        return dcmread(BytesIO(plain), stop_before_pixels=True, force=plain[128:132] != b"DICM")
    except DAMAGE as error:
        raise faulty(
            source.name, "damaged", FILE, unreadable(type(error).__name__), _WHOLE
        ) from error


def _index(name: str) -> Faulty:
    return faulty(
        name,
        "not_an_image",
        FILE,
        Text(en="the index of a disc (DICOMDIR)", zh="光盘索引（DICOMDIR）"),
        Text(en="the images that it lists are read", zh="需要其所列的图像"),
        Text(en="Send the whole disc or its image folder.", zh="请发送整张光盘或其图像文件夹。"),
    )


_NEEDED: Final = Text(
    en="a study instance UID says what belongs together", zh="需要检查实例 UID 才能归组"
)
_STUDIES: Final = Text(en="studies", zh="检查数")
_WHOLE: Final = Text(en="a whole DICOM file is needed", zh="需要完整的 DICOM 文件")
_FEWER: Final = Text(
    en=f"at most {MOST_STUDIES} studies come in one delivery",
    zh=f"一次最多发送 {MOST_STUDIES} 个检查",
)

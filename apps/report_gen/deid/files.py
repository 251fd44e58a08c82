"""Files of a study, de-identified one by one under neutral names.

    for file in deidentified([Path("study.zip")], Pseudonyms(key)):
        (folder / file.name).write_bytes(file.content)

Names of files, folders and zip entries are not carried over. Bounded memory: one file at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, MediaStorageDirectoryStorage

from apps.report_gen.deid.codestreams import without_comments
from apps.report_gen.deid.datasets import cleaned
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
from apps.report_gen.reading.geometry.kind import CT
from apps.report_gen.reading.grouping import opened
from apps.report_gen.reading.headers import is_compressed
from apps.report_gen.reading.limits import DEFAULT, Limits
from apps.report_gen.reading.quiet import quiet
from apps.report_gen.reading.sniffing import Kind
from apps.report_gen.reading.sources import Source
from loupe.contract.text import Text

_CLASS: Final = "2.25.116273640471093842390512842930173405211"
"""Loupe's implementation class."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """One file under a neutral name."""

    name: str
    content: bytes


def deidentified(
    paths: Sequence[Path],
    pseudonyms: Pseudonyms,
    limits: Limits = DEFAULT,
    faults: list[Fault] | None = None,
) -> Iterator[Cleaned]:
    """Every CT image and NIfTI file below `paths`, de-identified.

    What cannot be made safe is left out and told in `faults`, whose names are as they came:
    objects that are not CT images, and images that say names are burned into their pixels.
    """
    left_out = faults if faults is not None else []
    identity = _identity(paths, limits)
    with opened(paths, limits) as sources:
        for number, (source, content) in enumerate(sources, start=1):
            try:
                made: bytes | None
                if source.kind is not Kind.DICOM:
                    name, made = "volume-{:05d}.nii.gz", cleaned_nifti(source, content, limits)
                else:
                    name = "image-{:05d}.dcm"
                    made = deidentify_dicom(source, content, pseudonyms, identity, limits)
            except Faulty as error:
                left_out.append(error.fault)
                continue
            if made is not None:
                yield Cleaned(name.format(number), made)
        left_out.extend(sources.faults)


def _identity(paths: Iterable[Path], limits: Limits) -> Identity:
    """The words of all files together: a name in one file may stand in the text of another."""
    identity = Identity()
    with quiet(), opened(paths, limits) as sources:
        for source, content in sources:
            if source.kind is Kind.DICOM:
                try:
                    identity.learn(_read(source, content, limits, pixels=False))
                except Faulty:
                    continue
    return identity


def deidentify_dicom(
    source: Source, content: bytes, pseudonyms: Pseudonyms, identity: Identity, limits: Limits
) -> bytes | None:
    """One DICOM file, de-identified; None for the index of a file set.

    Raises:
        Faulty: damaged, no CT image, without a SOP instance UID, or with names burned into its
            pixels.
    """
    with quiet():
        return _deidentified(source, content, pseudonyms, identity, limits)


def _deidentified(
    source: Source, content: bytes, pseudonyms: Pseudonyms, identity: Identity, limits: Limits
) -> bytes | None:
    dataset = _read(source, content, limits, pixels=True)
    try:
        _told_by_the_header(dataset)
    except DAMAGE as error:
        raise _damaged(source.name, error) from error
    sop_class = tags.text(dataset, "SOPClassUID")
    if tags.text(dataset.file_meta, "MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        return None
    if sop_class not in CT:
        raise _refused(source.name, "SOPClassUID", sop_class or MISSING, _CT_ONLY)
    if not tags.text(dataset, "SOPInstanceUID"):
        raise faulty(source.name, "missing_tag", "SOPInstanceUID", MISSING, _ONE_OF_ITS_OWN)
    if tags.text(dataset, "BurnedInAnnotation").upper() == "YES":
        raise _refused(source.name, "BurnedInAnnotation", "YES", _NOT_BURNED)
    try:
        syntax = tags.text(dataset.file_meta, "TransferSyntaxUID") or "1.2.840.10008.1.2"
        result = cleaned(dataset, pseudonyms, identity)
        if is_compressed(syntax) and "PixelData" in result:
            result.PixelData = without_comments(result.PixelData)
        return _written(result, syntax)
    except DAMAGE as error:
        raise _damaged(source.name, error) from error


def _told_by_the_header(dataset: Dataset) -> None:
    """The file's header says of which class and called what an object is, too."""
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        told = tags.text(dataset.file_meta, f"MediaStorage{keyword}")
        if told and not tags.text(dataset, keyword):
            setattr(dataset, keyword, UID(told))


def _written(dataset: Dataset, syntax: str) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID = UID(_CLASS)
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    if "PixelData" in dataset and is_compressed(syntax):
        dataset["PixelData"].is_undefined_length = True
    stream = BytesIO()
    dataset.save_as(
        stream,
        implicit_vr=syntax == "1.2.840.10008.1.2",
        little_endian=syntax != "1.2.840.10008.1.2.2",
        enforce_file_format=True,
    )
    return stream.getvalue()


def _read(source: Source, content: bytes, limits: Limits, *, pixels: bool) -> Dataset:
    plain = plain_bytes(content, source.name, limits)
    try:
        return dcmread(
            BytesIO(plain), stop_before_pixels=not pixels, force=plain[128:132] != b"DICM"
        )
    except DAMAGE as error:
        raise _damaged(source.name, error) from error


_ONE_OF_ITS_OWN = Text(en="every image needs one of its own", zh="每幅图像都需要自己的标识")
_CT_ONLY = Text(en="CT images are de-identified", zh="仅对 CT 图像去标识")
_NOT_BURNED = Text(
    en="images with annotations burned into their pixels are left out",
    zh="像素中含有标注的图像不予处理",
)


def _refused(name: str, field: str, value: str | Text, allowed: Text) -> Faulty:
    return faulty(
        name,
        "not_deidentified",
        field,
        value,
        allowed,
        Text(en="Leave the file out.", zh="请去掉该文件。"),
    )


def _damaged(name: str, error: BaseException) -> Faulty:
    return faulty(
        name,
        "damaged",
        FILE,
        unreadable(f"{type(error).__name__}: {error}"),
        Text(en="a whole DICOM file is needed", zh="需要完整的 DICOM 文件"),
    )

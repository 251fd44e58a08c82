"""What one DICOM file says about its images: the fields the gate, decoding and SEG/SR need.

Offers `FileHeader`, `Image` (one slice: a file with one frame, or one frame of many) and
`read_header`. Reads no pixels. Memory and time are bounded by the file's size.
"""

import hashlib
import struct
from dataclasses import dataclass, field
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from apps.report_gen.reading import tags
from apps.report_gen.reading.faults import DAMAGE, FILE, faulty, unreadable
from apps.report_gen.reading.sources import Source
from loupe.contract.text import Text

PHASES = ("TemporalPositionIdentifier", "NominalPercentageOfCardiacPhase", "TriggerTime")
_PIXEL_TAGS = {b"\xe0\x7f\x10\0", b"\x7f\xe0\0\x10"}
_UNCOMPRESSED = {
    str(each) for each in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
}
_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FileHeader:
    """One file. Lengths in bytes, texts as they came, nothing that names a person but `source`."""

    source: Source
    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    patient: str
    """A hash of the patient id, to tell whether two files are about the same person; may be
    empty."""
    frame_of_reference: str
    series_number: int | None
    instance_number: int | None
    acquisition: int | None
    modality: str
    image_type: tuple[str, ...]
    body_part: str
    kernel: str
    manufacturer: str
    patient_position: str
    contrast: bool
    kvp: float | None
    transfer_syntax: str
    rows: int
    columns: int
    frames: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    padding: int | None
    """The stored value of pixels outside of what was reconstructed."""
    samples: int
    lossy: bool
    pixels_at: int
    """Where the element Pixel Data begins in the file; 0 without any."""
    pixel_offset: int
    """Where its value begins, if it is not compressed; else 0."""
    pixel_bytes: int
    """As many as the file really has."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Image:
    """One slice. Lengths in mm, in DICOM's patient axes (LPS)."""

    file: FileHeader
    frame: int = 1
    position: tuple[float, ...] | None = None
    orientation: tuple[float, ...] | None = None
    pixel_spacing: tuple[float, ...] | None = None
    """Between rows, between columns."""
    thickness: float | None = None
    slope: float | None = None
    intercept: float | None = None
    image_type: tuple[str, ...] = field(default=())
    phase: tuple[float | None, ...] = ()
    """Of several scans of one place: temporal position, share of the heart's cycle, its delay."""


def read_header(source: Source, content: bytes) -> tuple[FileHeader, Dataset]:
    """The header of one file, and its data set for what lies in sequences.

    Raises:
        Faulty: the file is no DICOM, is damaged, or a field cannot be read.
    """
    dataset, offset = _parsed(source, content)
    name = source.name
    meta = dataset.file_meta
    syntax = tags.text(meta, "TransferSyntaxUID") or str(ImplicitVRLittleEndian)
    uncompressed = offset > 0 and not is_compressed(syntax)
    start, length = _pixel_span(content, offset, syntax) if uncompressed else (0, 0)
    header = FileHeader(
        source=source,
        sop_class_uid=tags.text(dataset, "SOPClassUID")
        or tags.text(meta, "MediaStorageSOPClassUID"),
        sop_instance_uid=tags.text(dataset, "SOPInstanceUID")
        or tags.text(meta, "MediaStorageSOPInstanceUID"),
        study_uid=tags.text(dataset, "StudyInstanceUID"),
        series_uid=tags.text(dataset, "SeriesInstanceUID"),
        patient=_hashed(tags.text(dataset, "PatientID")),
        frame_of_reference=tags.text(dataset, "FrameOfReferenceUID"),
        series_number=tags.whole_or_none(dataset, "SeriesNumber"),
        instance_number=tags.whole_or_none(dataset, "InstanceNumber"),
        acquisition=tags.whole_or_none(dataset, "AcquisitionNumber"),
        modality=tags.text(dataset, "Modality").upper(),
        image_type=tags.words(dataset, "ImageType"),
        body_part=tags.text(dataset, "BodyPartExamined").upper(),
        kernel=tags.text(dataset, "ConvolutionKernel"),
        manufacturer=tags.text(dataset, "Manufacturer"),
        patient_position=tags.text(dataset, "PatientPosition").upper(),
        contrast=bool(tags.text(dataset, "ContrastBolusAgent")),
        kvp=tags.number_or_none(dataset, "KVP"),
        transfer_syntax=syntax,
        rows=tags.whole(dataset, "Rows", name) or 0,
        columns=tags.whole(dataset, "Columns", name) or 0,
        frames=tags.whole(dataset, "NumberOfFrames", name) or 1,
        bits_allocated=tags.whole(dataset, "BitsAllocated", name) or 0,
        bits_stored=tags.whole(dataset, "BitsStored", name) or 0,
        signed=tags.whole(dataset, "PixelRepresentation", name) == 1,
        padding=tags.whole_or_none(dataset, "PixelPaddingValue"),
        samples=tags.whole(dataset, "SamplesPerPixel", name) or 1,
        lossy=tags.text(dataset, "LossyImageCompression") == "01",
        pixels_at=offset,
        pixel_offset=start,
        pixel_bytes=length,
    )
    return header, dataset


def plain_image(header: FileHeader, dataset: Dataset) -> Image:
    """The one image of a file that is not multi-frame.

    Raises:
        Faulty: a field of its place or values cannot be read.
    """
    name = header.source.name
    return Image(
        file=header,
        position=tags.numbers(dataset, "ImagePositionPatient", name, 3),
        orientation=tags.numbers(dataset, "ImageOrientationPatient", name, 6),
        pixel_spacing=tags.numbers(dataset, "PixelSpacing", name, 2),
        thickness=tags.number(dataset, "SliceThickness", name),
        slope=tags.number(dataset, "RescaleSlope", name),
        intercept=tags.number(dataset, "RescaleIntercept", name),
        image_type=header.image_type,
        phase=tuple(tags.number_or_none(dataset, keyword) for keyword in PHASES),
    )


def is_compressed(syntax: str) -> bool:
    """Whether pixels need a decoder."""
    return syntax not in _UNCOMPRESSED


def _parsed(source: Source, content: bytes) -> tuple[Dataset, int]:
    """The data set without pixels, and where Pixel Data begins; 0 without any."""
    try:
        stream = BytesIO(content)
        dataset = dcmread(stream, stop_before_pixels=True, force=content[128:132] != b"DICM")
        if len(dataset) == 0:
            raise InvalidDicomError("the file has no data elements")
        end = stream.tell()
    except DAMAGE as error:
        raise faulty(
            source.name,
            "damaged",
            FILE,
            unreadable(f"{type(error).__name__}: {error}"),
            Text(en="a whole DICOM file is needed", zh="需要完整的 DICOM 文件"),
        ) from error
    return dataset, end if content[end : end + 4] in _PIXEL_TAGS else 0


def _hashed(patient_id: str) -> str:
    plain = " ".join(patient_id.casefold().split())
    return hashlib.sha256(plain.encode()).hexdigest() if plain else ""


def _pixel_span(content: bytes, offset: int, syntax: str) -> tuple[int, int]:
    """Where the value of an uncompressed Pixel Data begins, and how many bytes of it are there."""
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    explicit = content[offset + 4 : offset + 6] in (b"OW", b"OB", b"UN")
    start = offset + (12 if explicit else 8)
    claimed = (
        struct.unpack(order + "L", content[start - 4 : start])[0] if start <= len(content) else 0
    )
    there = max(0, len(content) - start)
    return start, 0 if claimed == _UNDEFINED else min(claimed, there)

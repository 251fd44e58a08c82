"""The same chest in every way a scanner may send it: the volume that is read must be the same.

Rows and columns along either axis and either way, slices up or down, the patient on the back or the
front, head or feet first (the tag changes; the vectors say where everything is): DICOM files are
written and read through the gates. Where the Hounsfield units are the same bit for bit, every
finding and its side are.
"""

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from apps.report_gen.reading.studies import read_study
from apps.report_gen.volume import Volume

POSITIONS: Final = ("HFS", "FFS", "HFP", "FFP")
# One column, row and slice of a canonical volume further, in DICOM's axes (left, back, head).
_AXES: Final = np.array([[-1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]])


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One way to send: axes turned round, rows and columns swapped, the patient's position."""

    columns: bool = False
    rows: bool = False
    slices: bool = False
    swapped: bool = False
    position: str = "HFS"

    def __str__(self) -> str:
        turned = [name for name in ("columns", "rows", "slices", "swapped") if getattr(self, name)]
        return f"{self.position} {'+'.join(turned) or 'as it is'}"


def turns() -> Iterator[Turn]:
    """All sixteen orientations, each position of the patient with four of them."""
    for number, told in enumerate(itertools.product((False, True), repeat=4)):
        columns, rows, slices, swapped = told
        yield Turn(
            columns=columns, rows=rows, slices=slices, swapped=swapped,
            position=POSITIONS[(number + number // 4) % 4],
        )  # fmt: skip


def write_turned(folder: Path, volume: Volume, turn: Turn) -> Path:
    """A canonical volume as DICOM files that lie as `turn` says."""
    folder.mkdir(parents=True)
    steps = [-1 if flipped else 1 for flipped in (turn.slices, turn.rows, turn.columns)]
    hu = volume.hu[:: steps[0], :: steps[1], :: steps[2]]
    along_columns, along_rows = _AXES[0] * steps[2], _AXES[1] * steps[1]
    first = [0 if step > 0 else count - 1 for step, count in zip(steps, volume.shape, strict=True)]
    spacing = (volume.spacing[1], volume.spacing[2])
    if turn.swapped:
        hu, spacing = hu.transpose(0, 2, 1), (spacing[1], spacing[0])
        along_columns, along_rows = along_rows, along_columns
    study, series = generate_uid(), generate_uid()
    for at, layer in enumerate(hu):
        index = (
            np.array([first[2], first[1], first[0] + at * steps[0]], dtype=float)
            * volume.spacing[::-1]
        )
        image = _image(layer, study, series, at)
        image.PatientPosition = turn.position
        image.ImagePositionPatient = (_AXES.T @ index).round(4).tolist()
        image.ImageOrientationPatient = [*along_columns.tolist(), *along_rows.tolist()]
        image.PixelSpacing, image.SliceThickness = list(spacing), volume.spacing[0]
        image.save_as(folder / f"{at:05d}.dcm", enforce_file_format=True)
    return folder


def _image(layer: NDArray[np.int16], study: str, series: str, at: int) -> Any:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image: Any = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
    meta.MediaStorageSOPClassUID = UID(CTImageStorage)
    meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID = study, series
    image.Modality, image.InstanceNumber = "CT", at + 1
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.RescaleSlope, image.RescaleIntercept = 1, -1024
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = layer.shape
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelRepresentation = 0
    image.PixelData = (layer.astype(np.int32) + 1024).astype("<u2").tobytes()
    image["PixelData"].VR = "OW"
    return image


def laterality(volume: Volume) -> dict[str, Any]:
    """How many of the turns are read back to the same Hounsfield units, and which are not."""
    wrong, count = [], 0
    for turn in turns():
        count += 1
        with tempfile.TemporaryDirectory() as place:
            folder = write_turned(Path(place) / "study", volume, turn)
            read = read_study([folder]).volume
        if read is None or not np.array_equal(read.hu, volume.hu):
            wrong.append(str(turn))
    return {"orientations": count, "same_volume": count - len(wrong), "wrong": wrong}

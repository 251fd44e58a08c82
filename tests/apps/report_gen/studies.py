"""Studies the tests make: an analytic chest, sampled on any grid and written as DICOM or NIfTI.

`hu_at` is the truth at any point of the patient, so a volume is right where its values equal
`hu_at` at the places its affine says, whatever way the images were taken.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

Array = NDArray[Any]

NODULE = np.array([-80.0, 0.0, 30.0])
"""In the patient's right lung, LPS mm."""


def hu_at(points: Array) -> Array:
    """Hounsfield units at LPS points [..., 3]: body, two lungs, heart, spine, nodule, table."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    hu = np.full(x.shape, -1000.0)
    hu[(x / 170) ** 2 + (y / 110) ** 2 <= 1] = 40
    for side in (-1, 1):
        lung = ((x - side * 80) / 60) ** 2 + (y / 80) ** 2 + (z / 110) ** 2 <= 1
        hu[lung] = -850 + 40 * np.cos(x[lung] / 9) * np.cos(z[lung] / 11)
    hu[(x - 30) ** 2 + (y + 20) ** 2 + (z + 40) ** 2 <= 45**2] = 55
    hu[x**2 + (y - 80) ** 2 <= 20**2] = 400
    hu[((points - NODULE) ** 2).sum(-1) <= 15**2] = 70
    hu[(np.abs(x) < 200) & (y > 130) & (y < 136)] = -200
    return np.rint(hu)


@dataclass
class Taken:
    """How a series was taken. Vectors are LPS; lengths mm."""

    count: int = 50
    rows: int = 64
    columns: int = 64
    across: tuple[float, float, float] = (1.0, 0.0, 0.0)
    down: tuple[float, float, float] = (0.0, 1.0, 0.0)
    step: tuple[float, float, float] = (0.0, 0.0, 5.0)
    """From one image to the next."""
    spacing: tuple[float, float] = (6.0, 6.0)
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    places: Sequence[float] | None = None
    """Multiples of `step`, one an image; 0, 1, 2 … where none are given."""
    slope: float = 1.0
    intercept: float = -1024.0
    kernel: str = "B30f"
    position: str = "HFS"
    modality: str = "CT"
    extra: dict[str, Any] = field(default_factory=dict)

    def origin(self, at: int) -> Array:
        """LPS of the first pixel of image `at`."""
        place = self.places[at] if self.places is not None else float(at)
        middle = (self.count - 1) / 2
        corner = np.array(self.across) * self.spacing[1] * (self.columns - 1) / 2
        corner = corner + np.array(self.down) * self.spacing[0] * (self.rows - 1) / 2
        return np.array(self.centre) - corner + np.array(self.step) * (place - middle)

    def pixels(self, at: int) -> Array:
        """Hounsfield units of image `at`, sampled at the centres of its pixels."""
        rows = np.arange(self.rows)[:, None, None] * self.spacing[0] * np.array(self.down)
        columns = np.arange(self.columns)[None, :, None] * self.spacing[1] * np.array(self.across)
        return hu_at(self.origin(at) + rows + columns)


def turned(x: float, y: float, z: float) -> Taken:
    """The chest on a grid turned by degrees about each of the patient's axes."""
    turn = np.eye(3)
    for axis, degrees in enumerate((x, y, z)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        one, other = (each for each in range(3) if each != axis)
        step = np.eye(3)
        step[one, one] = step[other, other] = c
        step[one, other], step[other, one] = -s, s
        turn = step @ turn
    across, down, head = (tuple(float(each) for each in turn[:, axis]) for axis in range(3))
    return Taken(across=across, down=down, step=tuple(5.0 * each for each in head))  # type: ignore[arg-type]


def series(taken: Taken | None = None, number: int = 1, study: str = "") -> list[FileDataset]:
    """One series as single-frame CT images, in memory."""
    taken = taken or Taken()
    study_uid, series_uid, frame_uid = study or generate_uid(), generate_uid(), generate_uid()
    made = []
    for at in range(taken.count):
        image = base(CTImageStorage)
        image.StudyInstanceUID, image.SeriesInstanceUID = study_uid, series_uid
        image.FrameOfReferenceUID = frame_uid
        image.SeriesNumber, image.InstanceNumber = number, at + 1
        image.Modality = taken.modality
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.ConvolutionKernel, image.PatientPosition = taken.kernel, taken.position
        image.ImagePositionPatient = [round(float(each), 6) for each in taken.origin(at)]
        image.ImageOrientationPatient = [
            round(float(each), 9) for each in (*taken.across, *taken.down)
        ]
        image.PixelSpacing = list(taken.spacing)
        image.SliceThickness = round(float(np.linalg.norm(taken.step)), 6)
        image.RescaleSlope, image.RescaleIntercept = taken.slope, taken.intercept
        put_pixels(image, (taken.pixels(at) - taken.intercept) / taken.slope)
        for keyword, value in taken.extra.items():
            setattr(image, keyword, value)
        made.append(image)
    return made


def base(sop_class: str) -> FileDataset:
    """An object with ids and nothing else."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = UID(sop_class), meta.MediaStorageSOPInstanceUID
    image.PatientName, image.PatientID = "Muster^Erika", "MRN-4711"
    return image


def put_pixels(image: Dataset, stored: Array) -> None:
    """Store values as unsigned 16 bits, negative ones as signed."""
    values = np.rint(stored)
    signed = bool(values.min() < 0)
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = values.shape[-2:]
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, int(signed)
    image.PixelData = values.astype("<i2" if signed else "<u2").tobytes()
    image["PixelData"].VR = "OW"


def enhanced(taken: Taken | None = None) -> FileDataset:
    """The same chest as one enhanced CT with a frame a slice."""
    taken = taken or Taken()
    image = base(EnhancedCTImageStorage)
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.Modality, image.SeriesNumber, image.InstanceNumber = "CT", 1, 1
    image.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    image.NumberOfFrames = taken.count
    shared, measures, values, orientation = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = list(taken.spacing), 5.0
    values.RescaleSlope, values.RescaleIntercept = taken.slope, taken.intercept
    orientation.ImageOrientationPatient = [*taken.across, *taken.down]
    shared.PixelMeasuresSequence = DicomSequence([measures])
    shared.PixelValueTransformationSequence = DicomSequence([values])
    shared.PlaneOrientationSequence = DicomSequence([orientation])
    image.SharedFunctionalGroupsSequence = DicomSequence([shared])
    frames = []
    for at in range(taken.count):
        frame, place = Dataset(), Dataset()
        place.ImagePositionPatient = [float(each) for each in taken.origin(at)]
        frame.PlanePositionSequence = DicomSequence([place])
        frames.append(frame)
    image.PerFrameFunctionalGroupsSequence = DicomSequence(frames)
    pixels = np.stack([taken.pixels(at) for at in range(taken.count)])
    put_pixels(image, (pixels - taken.intercept) / taken.slope)
    return image


def write(images: Iterable[Dataset], folder: Path, prefix: str = "i") -> Path:
    """Files in `folder`, in an order that says nothing about theirs."""
    folder.mkdir(parents=True, exist_ok=True)
    for at, image in enumerate(images):
        name = f"{prefix}{(at * 37) % 101:03d}-{at:05d}"
        image.save_as(folder / name, enforce_file_format=True)
    return folder


def truth(volume: Any) -> Array:
    """What the values of a volume must be, at the places its affine says."""
    slices, rows, columns = volume.shape
    index = np.stack(
        np.meshgrid(np.arange(slices), np.arange(rows), np.arange(columns), indexing="ij"), -1
    ).astype(float)
    points = volume.to_patient(index)
    return hu_at(points * np.array([-1.0, -1.0, 1.0]))

"""A phantom as a study: a zip of DICOM images, for a first try and for demonstrations.

    python -m apps.report_gen.phantoms.sample apps/report_gen/samples/phantom-chest.zip

JPEG-LS, lossless; coarse, so that it stays small. The patient is called what it is.
"""

import argparse
import sys
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, CTImageStorage, JPEGLSLossless

from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.phantoms.phantom import make
from apps.report_gen.phantoms.wanted import HELD_OUT_SEEDS

SEED: Final = HELD_OUT_SEEDS + 41
SHAPE: Final = (64, 128, 128)
SPACING: Final = (5.0, 2.8, 2.8)
_ROOT: Final = "2.25.3314159265358979323846264338327950"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def image(
    hu: NDArray[np.int16], number: int, spacing: tuple[float, float, float], seed: int
) -> FileDataset:
    """One axial image [row, column] in RAS order, as a scanner writes it: rows to the back,
    columns to the left."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = UID(f"{_ROOT}.{seed}.1.{number + 1}")
    meta.TransferSyntaxUID = JPEGLSLossless
    made = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = f"{_ROOT}.{seed}", f"{_ROOT}.{seed}.1"
    made.Modality, made.Manufacturer = "CT", "Loupe phantoms"
    made.PatientName, made.PatientID = "Phantom^Chest", f"PHANTOM-{seed}"
    made.PatientBirthDate = made.PatientSex = made.AccessionNumber = made.StudyID = ""
    made.StudyDate, made.StudyTime = "20260101", "120000"
    made.ReferringPhysicianName = ""
    made.StudyDescription = "Synthetic chest"
    made.SeriesNumber, made.InstanceNumber = 1, number + 1
    made.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
    made.ConvolutionKernel, made.PatientPosition = "SOFT", "HFS"
    made.BodyPartExamined, made.KVP = "CHEST", 120
    made.SliceThickness = spacing[0]
    made.FrameOfReferenceUID = f"{_ROOT}.{seed}.2"
    rows, columns = hu.shape
    # LPS of the first pixel: the patient's right front corner of the picture.
    made.ImagePositionPatient = [
        -(columns - 1) / 2 * spacing[2], -(rows - 1) / 2 * spacing[1], number * spacing[0],
    ]  # fmt: skip
    made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    made.PixelSpacing = [spacing[1], spacing[2]]
    made.Rows, made.Columns = rows, columns
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 16, 15
    made.PixelRepresentation = 0
    made.RescaleSlope, made.RescaleIntercept, made.RescaleType = 1, -1024, "HU"
    stored = np.clip(hu[::-1, ::-1].astype(np.int32) + 1024, 0, 4095).astype(np.uint16)
    made.PixelData = encapsulate([bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(stored)))])
    made["PixelData"].is_undefined_length = True
    return made


def write_sample(path: Path, seed: int = SEED) -> int:
    """Draw the phantom of a seed and write it; how many bytes the zip has."""
    phantom = make(seed, Grid(shape=SHAPE, spacing=SPACING))
    hu = phantom.hu.cpu().numpy().astype(np.int16)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number, plane in enumerate(hu):
            content = BytesIO()
            image(plane, number, SPACING, seed).save_as(content, enforce_file_format=True)
            info = zipfile.ZipInfo(f"CT{number + 1:03d}.dcm", _EPOCH)
            archive.writestr(info, content.getvalue())
    return path.stat().st_size


def main(arguments: Sequence[str]) -> int:
    """Write the sample."""
    parser = argparse.ArgumentParser(prog="python -m apps.report_gen.phantoms.sample")
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args(arguments)
    sys.stdout.write(f"{given.path}: {write_sample(given.path, given.seed):,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

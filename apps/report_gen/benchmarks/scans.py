"""Scans the benchmarks make: a seeded chest with the noise of a scanner, as DICOM files."""

import multiprocessing
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless, generate_uid

HEIGHT: Final = 300.0
SPACING: Final = (0.7, 0.7)
"""mm: of the scan; between rows and columns."""
NOISE: Final = 20.0
"""Standard deviation in HU; what compression has to carry."""


def values(slices: int, side: int) -> NDArray[np.int16]:
    """A chest in Hounsfield units [slice, row, column], patient's axes as DICOM has them."""
    random = np.random.default_rng(0)
    y, x = (
        (np.arange(side, dtype=np.float32) - (side - 1) / 2)[at] * (0.7 * 512 / side)
        for at in ((slice(None), None), (None, slice(None)))
    )
    result = np.empty((slices, side, side), dtype=np.int16)
    for at in range(slices):
        z = (at - (slices - 1) / 2) * HEIGHT / slices
        layer = np.where((x / 165) ** 2 + (y / 110) ** 2 <= 1, 40.0, -1000.0)
        for centre in (-78, 78):
            lung = ((x - centre) / 60) ** 2 + (y / 80) ** 2 + (z / 120) ** 2 <= 1
            layer = np.where(lung, -850.0, layer)
        layer = layer + NOISE * random.standard_normal((side, side), dtype=np.float32)
        result[at] = np.clip(np.rint(layer), -1024, 3071)
    return result


def write(folder: Path, hu: NDArray[np.int16], *, jpeg_2000: bool = False) -> Path:
    """One file a slice; compressed ones by two processes."""
    folder.mkdir(parents=True)
    study, series = generate_uid(), generate_uid()
    jobs = [
        (folder / f"{at:05d}.dcm", layer, at, HEIGHT / len(hu), study, series, jpeg_2000)
        for at, layer in enumerate(hu)
    ]
    if jpeg_2000:
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.starmap(_write, jobs, chunksize=8)
    else:
        for job in jobs:
            _write(*job)
    return folder


def _write(
    path: Path,
    layer: NDArray[Any],
    at: int,
    step: float,
    study: str,
    series: str,
    jpeg_2000: bool,
) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
    meta.MediaStorageSOPClassUID = UID(CTImageStorage)
    meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID = study, series
    image.Modality, image.InstanceNumber = "CT", at + 1
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.ImagePositionPatient = [-179.0, -179.0, at * step]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelSpacing, image.SliceThickness = list(SPACING), step
    image.RescaleSlope, image.RescaleIntercept = 1, -1024
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = layer.shape
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation = 0
    image.PixelData = (layer.astype(np.int32) + 1024).astype("<u2").tobytes()
    image["PixelData"].VR = "OW"
    if jpeg_2000:
        image.compress(JPEG2000Lossless, generate_instance_uid=False)
    image.save_as(path, enforce_file_format=True)

"""One study of full size; run inside an installation: ``python -m tests.e2e.large_study SLICES``.

A phantom drawn small and stretched to SLICES × 512 × 512 with a scanner's noise, as DICOM; its
truth is what the machine found. Prints the address of the study's page.
"""

import sys
import tempfile
from pathlib import Path

import django
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from scipy import ndimage

django.setup()

# ruff: noqa: E402
from apps.report_gen.benchmarks import scans
from apps.report_gen.bundles.manifest import MEDIA_TYPE, Manifest
from apps.report_gen.bundles.writing import write_bundle
from apps.report_gen.deid.files import Cleaned
from apps.report_gen.phantoms.phantom import Phantom
from loupe.accounts.models import Role
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.testing import factories
from tests.e2e import radiology

SIDE = 512
PATIENT, SEED, KINDS, _ = radiology.CASES[0]


def main(slices: int) -> None:
    """A ward with a reader and the study."""
    ward = factories.project("ward", "Radiology", "Europe/Berlin")
    reader = factories.person("reader", ward, Role.REVIEWER, first_name="Rui", last_name="Wang")
    version = factories.model_version(ward, radiology.APP, "chest")
    blob = dicom(radiology.drawn(SEED, KINDS), slices)
    made = radiology.study(ward, reader, version, PATIENT, SEED, KINDS, 0, blob=blob)
    print(f"/report_gen/p/ward/studies/{made.pk}/")


def dicom(phantom: Phantom, slices: int) -> Blob:
    """The phantom at full size as a stored bundle of DICOM files."""
    shape = (slices, SIDE, SIDE)
    hu = stretched(phantom.hu.numpy(), shape)
    spacing = [
        mm * have / want
        for mm, have, want in zip(radiology.SPACING, radiology.SHAPE, shape, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        images = []
        for at, path in enumerate(sorted(scans.write(Path(folder) / "raw", hu).iterdir())):
            image = dcmread(path)
            # Columns run to the right, rows to the front: DICOM counts both the other way.
            image.ImageOrientationPatient = [-1, 0, 0, 0, -1, 0]
            image.ImagePositionPatient = [0, 0, at * spacing[0]]
            image.PixelSpacing, image.SliceThickness = spacing[1:], spacing[0]
            image.save_as(path)
            images.append(Cleaned(name=path.name, content=path.read_bytes()))
        bundle = Path(folder) / "study"
        write_bundle(bundle, images, Manifest(study_uid=f"2.25.{SEED}000"))
        return blobs.store(bundle, MEDIA_TYPE)


def stretched(hu: NDArray[np.int16], shape: tuple[int, int, int]) -> NDArray[np.int16]:
    """Linear between voxels, with noise of 20 HU."""
    factors = [want / have for want, have in zip(shape, hu.shape, strict=True)]
    large = ndimage.zoom(hu.astype(np.float32), factors, order=1)
    chance = np.random.default_rng(0)
    for plane in large:
        plane += scans.NOISE * chance.standard_normal(plane.shape, dtype=np.float32)
    made: NDArray[np.int16] = np.clip(np.rint(large), -1024, 3071).astype(np.int16)
    return made


if __name__ == "__main__":
    main(int(sys.argv[1]))

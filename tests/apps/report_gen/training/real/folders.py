"""A folder in CT-RATE's layout, made for tests: chests as NIfTI, tables beside them."""

import csv
from pathlib import Path

import nibabel
import numpy as np

from tests.apps.report_gen.bridge.chests import chest

LABELS = ("Lung nodule", "Pleural effusion", "Cardiomegaly")
REPORT = "There is a pleural effusion on the right. No pulmonary nodule was seen."


def write_volume(path: Path, seed: int) -> None:
    """One chest as NIfTI."""
    volume = chest(seed=seed)
    nibabel.save(nibabel.Nifti1Image(volume.hu.transpose(2, 1, 0), volume.affine), path)


def folder(place: Path, count: int = 6, *, with_labels: bool = True) -> Path:
    """`count` patients with one study each."""
    place.mkdir(parents=True)
    names = [f"train_{number}_a_1.nii.gz" for number in range(1, count + 1)]
    for number, name in enumerate(names):
        write_volume(place / name, number)
    with (place / "reports.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["VolumeName", "ClinicalInformation_EN", "Findings_EN", "Impressions_EN"])
        table.writerows([name, "Cough.", REPORT, "Effusion."] for name in names)
    if with_labels:
        draw = np.random.default_rng(0)
        with (place / "labels.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["VolumeName", *LABELS])
            table.writerows([name, *draw.integers(0, 2, len(LABELS)).tolist()] for name in names)
    return place

"""The headers of the source images, as far as an object that refers to them must repeat them.

Made of the scan and the identity alone, so that outputs need no access to the images' files.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage
from pydicom.valuerep import DA, TM

from apps.report_gen.outputs.edition import OutputIdentity
from apps.report_gen.outputs.masks import plane_affine
from apps.report_gen.outputs.scan import Scan
from apps.report_gen.outputs.wording import dicom_name, dicom_text
from apps.report_gen.volume import SourceInstance
from loupe.contract.runtime.errors import InputRefused

UTF_8: Final = "ISO_IR 192"
"""One character set for every language: names may be in one and the report in another."""
MULTI_FRAME: Final = frozenset({EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage})


def evidence(identity: OutputIdentity, sources: Sequence[SourceInstance]) -> list[Dataset]:
    """One short header for each SOP instance, in order."""
    made: dict[str, Dataset] = {}
    for each in sources:
        uid = identity.original(each.sop_instance_uid)
        if uid not in made:
            made[uid] = _named(identity, each.sop_class_uid, uid)
    return list(made.values())


def source_images(identity: OutputIdentity, scan: Scan) -> list[Dataset]:
    """Headers with the place of every image: one for each, or one that has them all as frames.

    Raises:
        InputRefused: frames are missing, or the images lie in several multi-frame objects.
    """
    grid, sources = scan.images()
    affines = [plane_affine(scan, at) for at in range(grid.shape[0])]
    measures = _measures(grid.affine)
    many = [each.sop_class_uid in MULTI_FRAME for each in sources]
    if not any(many):
        made = []
        for at, each in enumerate(sources):
            image = _named(identity, each.sop_class_uid, identity.original(each.sop_instance_uid))
            image.InstanceNumber = at + 1
            _place(image, image, image, affines[at], measures)
            image.Rows, image.Columns = grid.shape[1:]
            made.append(image)
        return made
    order = {each.frame: at for at, each in enumerate(sources)}
    if len({each.sop_instance_uid for each in sources}) > 1 or sorted(order) != list(
        range(1, len(sources) + 1)
    ):
        raise InputRefused(
            "The images lie in several multi-frame objects, or only some frames of one were read; "
            "a segmentation refers to all frames of one object. Use the SR, PDF or FHIR.",
            code="several_multiframe",
        )
    first = sources[0]
    image = _named(identity, first.sop_class_uid, identity.original(first.sop_instance_uid))
    image.NumberOfFrames = len(sources)
    image.Rows, image.Columns = grid.shape[1:]
    shared = Dataset()
    frames = []
    for number in range(1, len(sources) + 1):
        frame, position, orientation, pixel = Dataset(), Dataset(), Dataset(), Dataset()
        _place(position, orientation, pixel, affines[order[number]], measures)
        frame.PlanePositionSequence = Items([position])
        frames.append(frame)
        shared.PlaneOrientationSequence = Items([orientation])
        shared.PixelMeasuresSequence = Items([pixel])
    image.SharedFunctionalGroupsSequence = Items([shared])
    image.PerFrameFunctionalGroupsSequence = Items(frames)
    return [image]


def frame_order(scan: Scan) -> list[int]:
    """For each image of `source_images`, frames among them, its index in the scan."""
    _, sources = scan.images()
    if sources[0].sop_class_uid in MULTI_FRAME:
        return sorted(range(len(sources)), key=lambda at: sources[at].frame)
    return list(range(len(sources)))


def _named(identity: OutputIdentity, sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    image = Dataset()
    image.SpecificCharacterSet = UTF_8
    image.SOPClassUID, image.SOPInstanceUID = sop_class_uid, sop_instance_uid
    image.StudyInstanceUID = identity.study_uid
    image.SeriesInstanceUID = identity.series_uid
    image.FrameOfReferenceUID = identity.frame_of_reference()
    image.PositionReferenceIndicator = ""
    image.Modality = "CT"
    image.SeriesNumber, image.InstanceNumber = 1, 1
    image.PatientName = dicom_name(identity.patient_name)
    image.PatientID = dicom_text(identity.patient_id)
    image.PatientBirthDate = DA(identity.birth_date) if identity.birth_date else ""
    image.PatientSex = identity.sex if identity.sex in ("M", "F", "O") else ""
    image.AccessionNumber = dicom_text(identity.accession, 16)
    image.StudyID = dicom_text(identity.study_id, 16)
    image.StudyDate = DA(identity.study_date.date()) if identity.study_date else ""
    image.StudyTime = TM(identity.study_date.time()) if identity.study_date else ""
    image.ReferringPhysicianName = dicom_name(identity.referring_physician)
    return image


def _measures(affine: np.ndarray) -> tuple[float, float, float]:
    """Between rows and between columns, and of the distance along the normal, mm."""
    column, row, step = affine[:3, 0], affine[:3, 1], affine[:3, 2]
    between_columns, between_rows = float(np.linalg.norm(column)), float(np.linalg.norm(row))
    normal = np.cross(column, row) / (between_columns * between_rows)
    return between_rows, between_columns, abs(float(normal @ step))


def _place(
    position: Dataset, orientation: Dataset, pixel: Dataset, affine: np.ndarray,
    measures: tuple[float, float, float],
) -> None:  # fmt: skip
    lps = np.diag([-1.0, -1.0, 1.0]) @ affine[:3, :]
    rows, columns, distance = measures
    position.ImagePositionPatient = [_decimal(each) for each in lps[:, 3]]
    orientation.ImageOrientationPatient = [
        *(_decimal(each) for each in lps[:, 0] / columns),
        *(_decimal(each) for each in lps[:, 1] / rows),
    ]
    pixel.PixelSpacing = [_decimal(rows), _decimal(columns)]
    pixel.SliceThickness = _decimal(distance)
    pixel.SpacingBetweenSlices = _decimal(distance)


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters; no negative zeros."""
    for digits in range(9, -1, -1):
        told = f"{value:.{digits}f}"
        if len(told) <= 16:
            break
    return "0" if float(told) == 0 else told

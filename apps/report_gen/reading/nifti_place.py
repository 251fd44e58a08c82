"""Where a NIfTI volume lies in the patient, as its header says; and how it slants.

Offers `affine_of` and `slanted`.
"""

from typing import Any, Final

import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from apps.report_gen.reading.faults import DAMAGE, FILE, faulty, unreadable
from apps.report_gen.reading.geometry.assessing import MOST_OFF_AXIS, MOST_TILT
from apps.report_gen.reading.geometry.canonical import turn
from apps.report_gen.reading.geometry.planes import angle, off_axis
from apps.report_gen.reading.reasons import Reason, refusal, warning
from apps.report_gen.reading.sources import Source
from loupe.contract.text import Text

LARGEST_SPACING: Final = 10.001
"""mm; 10 by as much as a header's 32-bit numbers miss it."""
SHEAR: Final = 0.02
"""Cosine between two axes of the affine that still count as a right angle."""
SAME_LENGTH: Final = 0.02
"""Share by which voxel sizes of the two forms may differ."""
_MILLIMETRES: Final = {1: 1000.0, 3: 0.001}
"""Of a metre and a micrometre, by NIfTI's codes of units; without a unit, millimetres are meant."""

Affine = NDArray[np.float64]


def affine_of(source: Source, header: Any) -> Affine | Reason:
    """Voxel to RAS mm, from the sform or else the qform; the refusal where the file has neither, or
    two that contradict each other.

    Raises:
        Faulty: a form that cannot be read, spacings that cannot be, axes that are not at right
            angles within the first two.
    """
    forms = _forms(source, header)
    if not forms:
        return refusal("missing_orientation")
    for affine in forms:
        _check(source, affine)
    if len(forms) == 2 and _contradict(*forms):
        return refusal("contradicting_orientation")
    return forms[0]


def slanted(affine: Affine) -> Reason | None:
    """The warning of axes that do not lie along the patient's, the refusal of too much tilt."""
    across, down, step = affine[:3, :3].T / np.linalg.norm(affine[:3, :3], axis=0)[:, None]
    tilt = angle(step, np.cross(across, down))
    if tilt > MOST_TILT:
        return refusal("gantry_tilt", "gantry_tilt_refused", degrees=round(tilt, 2), most=MOST_TILT)
    if np.sin(np.radians(tilt)) > SHEAR:
        return warning("gantry_tilt", degrees=round(tilt, 2))
    turned = off_axis((across, down, step))
    return warning("oblique", degrees=round(turned, 2)) if turned > MOST_OFF_AXIS else None


def _forms(source: Source, header: Any) -> list[Affine]:
    """The sform and the qform, those that there are, in mm."""
    try:
        header = header.copy()
        if header["pixdim"][0] == 0:  # the standard: this counts as 1
            header["pixdim"][0] = 1
        found = [
            form
            for code, form in (("sform_code", header.get_sform), ("qform_code", header.get_qform))
            if int(header[code]) > 0
        ]
        scale = _MILLIMETRES.get(int(header["xyzt_units"]) & 0x07, 1.0)
        to_mm = np.diag([scale, scale, scale, 1.0])
        return [to_mm @ np.asarray(form(), dtype=np.float64) for form in found]
    except (*DAMAGE, HeaderDataError) as error:
        whole = Text(en="a whole NIfTI file is needed", zh="需要完整的 NIfTI 文件")
        told = unreadable(f"{type(error).__name__}: {error}")
        raise faulty(source.name, "damaged", FILE, told, whole) from error


def _check(source: Source, affine: Affine) -> None:
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or not ((lengths > 0) & (lengths <= LARGEST_SPACING)).all():
        raise faulty(
            source.name,
            "bad_value",
            "affine",
            str(np.round(lengths, 3).tolist()),
            Text(
                en=f"spacings above 0 and at most {LARGEST_SPACING:.0f} mm are allowed",
                zh=f"允许大于 0 且不超过 {LARGEST_SPACING:.0f} mm 的间距",
            ),
        )
    across, down, _ = affine[:3, :3].T / lengths[:, None]
    if abs(across @ down) > SHEAR:
        raise faulty(
            source.name,
            "bad_value",
            "affine",
            Text(en="slanted", zh="倾斜"),
            Text(en="axes at a right angle are needed", zh="坐标轴需互相垂直"),
        )


def _contradict(one: Affine, other: Affine) -> bool:
    """Whether they turn the volume differently, or give its voxels other sizes."""
    turns = [turn(each, (1, 1, 1)) for each in (one, other)]
    lengths = [np.linalg.norm(each[:3, :3], axis=0) for each in (one, other)]
    return (turns[0].axis, turns[0].flipped) != (turns[1].axis, turns[1].flipped) or float(
        np.abs(lengths[0] / lengths[1] - 1).max()
    ) > SAME_LENGTH

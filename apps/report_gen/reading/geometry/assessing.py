"""The gate itself: images of one series in, a stack or a refusal out, always with the reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.reading.faults import Fault
from apps.report_gen.reading.geometry import repeats, stacking
from apps.report_gen.reading.geometry.kind import foreign
from apps.report_gen.reading.geometry.placing import misplaced
from apps.report_gen.reading.geometry.planes import angle, axes, off_axis
from apps.report_gen.reading.geometry.stack import Stack
from apps.report_gen.reading.headers import Image
from apps.report_gen.reading.limits import Limits
from apps.report_gen.reading.reasons import Reason, Severity, refusal, warning

LEAST_SLICES: Final = 10
EVEN: Final = 0.05
"""How much of the usual distance between slices single ones may differ by."""
DRIFT: Final = 0.5
"""How much of it a slice may lie off the even grid."""
ROUNDED: Final = 0.1
"""mm off the even grid, a fifth of the usual distance at most, that rounded positions make."""
LARGEST_GAP: Final = 7.0
"""mm that may be filled between two slices; three usual distances at most."""
LARGEST_SPACING: Final = 10.0
THICK: Final = 5.5
LEAST_TILT: Final = 0.5
MOST_TILT: Final = 30.0
MOST_OFF_AXIS: Final = 10.0
MOST_STRAY: Final = 1.0
"""mm sideways of the line the images lie on."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Assessment:
    """What the gate found. No stack means refused."""

    reasons: tuple[Reason, ...]
    faults: tuple[Fault, ...] = ()
    stack: Stack | None = None


def assess(images: Sequence[Image], faults: Sequence[Fault], limits: Limits) -> Assessment:
    """Judge the images of one series, some of whose files had `faults` already."""
    reasons = foreign(images)
    if refused(reasons):
        return Assessment(reasons=tuple(reasons), faults=tuple(faults))
    kept, more = stacking.without_localizers(images)
    reasons += more
    wrong = [*faults, *misplaced(kept, limits)]
    if wrong:
        reasons.append(_wrong(wrong, len(images) + len(faults)))
    if len(images) > limits.slices:
        reasons.append(refusal("too_many_slices", count=len(images), most=limits.slices))
    for step in (
        stacking.of_one_patient,
        stacking.of_one_size,
        stacking.of_one_plane,
        stacking.of_one_frame_of_reference,
        stacking.without_repeats,
    ):
        if refused(reasons):
            return Assessment(reasons=tuple(reasons), faults=tuple(wrong))
        kept, more = step(kept)
        reasons += more
    if refused(reasons) or not kept:
        return Assessment(reasons=tuple(reasons), faults=tuple(wrong))
    return _stacked(kept, reasons, limits)


def refused(reasons: Sequence[Reason]) -> bool:
    """Whether one of them is a refusal."""
    return any(each.severity is Severity.REFUSAL for each in reasons)


def _stacked(kept: list[Image], reasons: list[Reason], limits: Limits) -> Assessment:
    kept, more = repeats.one_scan(kept)
    reasons += more
    ordered, distances = stacking.in_order(kept)
    ordered, distances, more = repeats.without_doubles(ordered, distances)
    reasons += more
    if not refused(reasons) and len(ordered) < LEAST_SLICES:
        reasons.append(refusal("too_few_slices", count=len(ordered), least=LEAST_SLICES))
    if refused(reasons):
        return Assessment(reasons=tuple(reasons))
    straight, more = _line(ordered, distances)
    reasons += more
    even, more = _spacing(distances)
    reasons += more
    spacing = float(np.median(np.diff(distances)))
    depth = len(ordered) if even else round(float(distances[-1]) / spacing) + 1
    voxels = depth * ordered[0].file.rows * ordered[0].file.columns
    if voxels > limits.voxels:
        reasons.append(refusal("too_large", count=voxels, most=limits.voxels))
    if refused(reasons):
        return Assessment(reasons=tuple(reasons))
    return Assessment(
        reasons=tuple(reasons),
        stack=Stack(
            images=tuple(ordered),
            distances=distances,
            spacing=spacing,
            even=even,
            straight=straight,
        ),
    )


def _line(ordered: Sequence[Image], distances: NDArray[np.float64]) -> tuple[bool, list[Reason]]:
    """Do the first pixels lie on one line, and is it at a right angle to the slices?"""
    found = axes(ordered[0].orientation or ())
    if found is None:
        raise ValueError("images are placed before they are stacked")
    across, down, normal = found
    places = np.array([each.position for each in ordered])
    direction = (places[-1] - places[0]) / distances[-1]
    stray = np.linalg.norm(places - places[0] - distances[:, None] * direction, axis=1).max()
    if stray > MOST_STRAY:
        return True, [refusal("scattered_positions", stray=round(float(stray), 3), most=MOST_STRAY)]
    tilt = angle(direction, normal)
    if tilt > MOST_TILT:
        return True, [
            refusal("gantry_tilt", "gantry_tilt_refused", degrees=round(tilt, 2), most=MOST_TILT)
        ]
    if tilt > LEAST_TILT:
        return False, [warning("gantry_tilt", degrees=round(tilt, 2))]
    turned = off_axis((across, down, direction))
    if turned > MOST_OFF_AXIS:
        return False, [warning("oblique", degrees=round(turned, 2))]
    return True, []


def _spacing(distances: NDArray[np.float64]) -> tuple[bool, list[Reason]]:
    steps = np.diff(distances)
    usual = float(np.median(steps))
    largest = float(steps.max())
    if usual > LARGEST_SPACING:
        return True, [
            refusal("slices_too_far_apart", spacing=round(usual, 3), most=LARGEST_SPACING)
        ]
    reasons = [warning("thick_slices", spacing=round(usual, 3))] if usual > THICK else []
    grid = np.linspace(0.0, float(distances[-1]), len(distances))
    off, drift = float(np.abs(steps - usual).max()), float(np.abs(distances - grid).max())
    if (off <= EVEN * usual and drift <= DRIFT * usual) or drift <= min(ROUNDED, usual / 5):
        return True, reasons
    most = max(min(LARGEST_GAP, 3 * usual), 1.25 * usual)
    if largest > most:
        missing = int((np.maximum(1, np.round(steps / usual)) - 1).sum())
        return False, [
            *reasons,
            refusal(
                "missing_slices" if missing else "non_uniform_spacing",
                "missing_slices",
                count=missing,
                largest=round(largest, 3),
                spacing=round(usual, 3),
                most=round(most, 3),
            ),
        ]
    return False, [
        *reasons,
        warning(
            "non_uniform_spacing",
            least=round(float(steps.min()), 3),
            largest=round(largest, 3),
            spacing=round(usual, 3),
        ),
    ]


def _wrong(faults: Sequence[Fault], total: int) -> Reason:
    codes = {"missing_tag": "missing_tag", "truncated_pixels": "damaged_pixels"}
    first = faults[0].text()
    code = codes.get(faults[0].code, "bad_value")
    if faults[0].field == "PixelData" and code == "missing_tag":
        code = "bad_value"
    return refusal(
        faults[0].code, code, count=len(faults), total=total, first=first.en, first_zh=first.zh
    )

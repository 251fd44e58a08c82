"""Images of one series to one stack: strays set aside, doubles resolved, in order.

Every function returns what is left and the reasons; a refusal among them ends the gate.
"""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.reading.geometry.planes import axes, by_plane
from apps.report_gen.reading.headers import Image
from apps.report_gen.reading.reasons import Reason, note, refusal, warning

MOST_OF_A_SERIES: Final = 0.6
"""The share of images that one plane or size must hold to speak for the series."""
Sorted = tuple[list[Image], list[Reason]]


def without_localizers(images: Sequence[Image]) -> Sorted:
    """Set aside what calls itself a localizer."""
    kept = [each for each in images if "LOCALIZER" not in each.image_type]
    if not kept and images:
        return [], [refusal("localizer", "only_localizers")]
    count = len(images) - len(kept)
    return kept, [note("localizer", count=count)] if count else []


def of_one_size(images: Sequence[Image]) -> Sorted:
    """Keep the images that share rows, columns and pixel spacing."""
    groups: dict[Hashable, list[Image]] = defaultdict(list)
    for each in images:
        spacing = tuple(round(value, 4) for value in each.pixel_spacing or ())
        groups[(each.file.rows, each.file.columns, spacing)].append(each)
    return _largest(sorted(groups.values(), key=len, reverse=True), len(images), "mixed_sizes")


def of_one_patient(images: Sequence[Image]) -> Sorted:
    """Refuse images of several patients: nobody can say which of them are the strays."""
    patients = {each.file.patient for each in images} - {""}
    if len(patients) > 1:
        return [], [refusal("mixed_patients", count=len(patients))]
    return list(images), []


def of_one_frame_of_reference(images: Sequence[Image]) -> Sorted:
    """Keep the images whose positions can be compared; those that do not say are believed."""
    groups: dict[str, list[Image]] = defaultdict(list)
    for each in images:
        groups[each.file.frame_of_reference].append(each)
    silent = groups.pop("", [])
    found = sorted(groups.values(), key=len, reverse=True) or [[]]
    found[0] = [*found[0], *silent]
    return _largest(found, len(images), "mixed_frames_of_reference")


def of_one_plane(images: Sequence[Image]) -> Sorted:
    """Keep the images that lie in the same plane."""
    return _largest(by_plane(images), len(images), "mixed_orientations")


def _largest(groups: list[list[Image]], total: int, code: str) -> Sorted:
    if len(groups) <= 1:
        return groups[0] if groups else [], []
    if len(groups[0]) < MOST_OF_A_SERIES * total:
        return [], [refusal(code, f"{code}_refused", groups=len(groups), total=total)]
    return groups[0], [warning(code, count=total - len(groups[0]), total=total)]


def without_repeats(images: Sequence[Image]) -> Sorted:
    """Drop images that came twice unchanged; refuse those that share an id and nothing else."""
    seen: dict[tuple[str, int], tuple[Image, bytes | None]] = {}
    kept: list[Image] = []
    repeated = different = 0
    for each in images:
        key = (each.file.sop_instance_uid, each.frame)
        if not key[0] or key not in seen:
            seen[key] = (each, None)
            kept.append(each)
            continue
        other, digest = seen[key]
        digest = digest or _digest(other)
        seen[key] = (other, digest)
        if _digest(each) == digest and each.position == other.position:
            repeated += 1
        else:
            different += 1
    if different:
        return [], [refusal("same_uid_different_pixels", count=different)]
    return kept, [note("repeated_file", count=repeated)] if repeated else []


def _digest(image: Image) -> bytes:
    content = image.file.source.read()
    return hashlib.sha256(memoryview(content)[image.file.pixels_at :]).digest()


def in_order(images: Sequence[Image]) -> tuple[list[Image], NDArray[np.float64]]:
    """Along the normal, ties by instance number; with distances from the first, mm."""
    found = axes(images[0].orientation or ())
    if found is None:
        raise ValueError("images are placed before they are ordered")
    normal = found[2]
    along = [float(normal @ np.array(each.position)) for each in images]
    order = sorted(
        range(len(images)),
        key=lambda at: (round(along[at], 3), images[at].file.instance_number or 0, at),
    )
    distances = np.array([along[at] for at in order])
    return [images[at] for at in order], distances - distances[0]

"""How well a model finds nodules put into real scans, and what it finds where nothing was put.

Sensitivity is that to the inserted nodules, by size; false marks are counted on the unaltered
scan alone. Lesions that the scan is known to have count for neither. The shapes are those of
patients that no training draws from.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from apps.report_gen.bridge.inserting import Inserter
from apps.report_gen.bridge.placing import Box, Point
from apps.report_gen.bridge.splitting import BACKGROUNDS, require_unseen, scan_hash
from apps.report_gen.findings import FOCAL, KEYS, State
from apps.report_gen.inference.detect import peaks
from apps.report_gen.inference.draft import Drafter, prepare
from apps.report_gen.inference.looking import looked_at
from apps.report_gen.inference.placing import shift
from apps.report_gen.training.detection import (
    Hits,
    Lesion,
    Mark,
    froc,
    hits,
    sensitivity_at,
    threshold_for,
)
from apps.report_gen.volume import Volume

TOGETHER: Final = 6
"""Nodules put into one copy of a scan: some, so that few copies need to be looked at."""
FROM_MM: Final = 8.0
FALSE_A_SCAN: Final = 4.0
LOWEST_SCORE: Final = 0.01
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A volume to measure on; `name` is for people."""

    name: str
    volume: Volume
    known: list[Box]


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a model makes of one volume: marks of nodules and masses, states by kind."""

    marks: list[Mark]
    states: dict[str, State]


@torch.no_grad()
def look(drafter: Drafter, volume: Volume) -> Looked:
    """Marks in mm from the centre of the volume's first voxel."""
    shape = drafter.model.shape
    device = next(drafter.image.parameters()).device
    prepared = prepare(torch.from_numpy(volume.hu).to(device), volume.spacing, shape)
    _, seen = looked_at(drafter.image, prepared.windows, drafter.dtype)
    by = shift(prepared.origin, shape.spacing, volume.spacing)
    marks = [
        Mark(_moved(peak.at, shape.spacing, by), peak.score)
        for peak in peaks(seen, 0, (LOWEST_SCORE,) * len(FOCAL))
    ]
    verdicts = drafter.model.verdicts
    chances = verdicts.probabilities(seen.states.float().cpu().numpy().astype(float))
    return Looked(marks=marks, states=dict(zip(KEYS, verdicts.states(chances)[0], strict=True)))


def _moved(at: Point, spacing: Point, by: Point) -> Point:
    z, y, x = (a * s + b for a, s, b in zip(at, spacing, by, strict=True))
    return z, y, x


def inside(point: Point, box: Box) -> bool:
    """Whether a point lies in a box."""
    return all(low <= at <= high for at, (low, high) in zip(point, box, strict=True))


def measure(
    drafter: Drafter, scans: Sequence[Scan], count: int, seed: int, tell: Tell = lambda note: None
) -> dict[str, Any]:
    """The figures of `count` insertions shared evenly among scans.

    Raises:
        InputRefused: a scan was a background of the model's training.
    """
    seen_before = {str(each) for each in drafter.model.card.get(BACKGROUNDS, ())}
    digests = [scan_hash(scan.volume) for scan in scans]
    for scan, digest in zip(scans, digests, strict=True):
        require_unseen(digest, scan.name, seen_before)
    marks: list[list[Mark]] = []
    lesions: list[list[Lesion]] = []
    false: list[float] = []
    sides: list[bool] = []
    rows = []
    shares = [len(part) for part in np.array_split(np.arange(count), len(scans))]
    for number, (scan, share) in enumerate(zip(scans, shares, strict=True)):
        tell(f"{scan.name}: unaltered")
        plain = look(drafter, scan.volume)
        wrong = [
            mark.score for mark in plain.marks if not any(inside(mark.at, b) for b in scan.known)
        ]
        false += wrong
        inserter = Inserter(scan.volume, known=scan.known, held_out=True)
        draw = np.random.default_rng([seed, number])
        put = 0
        while put < share:
            volume, made = inserter.insert(min(TOGETHER, share - put), draw)
            if not made:
                tell(f"{scan.name}: no room for more")
                break
            put += len(made)
            tell(f"{scan.name}: {put} of {share} nodules")
            told = look(drafter, volume)
            marks.append(told.marks)
            lesions.append([Lesion(each.centre, each.size_mm) for each in made])
            middle = inserter.lungs.middle
            sides += [(each.centre[2] > middle) == (each.side == "right") for each in made]
        peak = drafter.model.verdicts.peak[0]
        rows.append(
            {
                "scan": scan.name,
                "sha256": digests[number],
                "known_boxes": len(scan.known),
                "blur_mm": round(inserter.blur, 2),
                "inserted": put,
                "false_marks_at_operating_point": sum(score >= peak for score in wrong),
                "states": {key: state.value for key, state in plain.states.items()},
            }
        )
    matched = hits(marks, lesions)
    scored = Hits(matched.sizes, matched.found, false, len(scans))
    return {**figures(scored, drafter.model.verdicts.peak[0]), "scans": rows, "seed": seed}


def figures(scored: Hits, peak: float) -> dict[str, Any]:
    """Sensitivity by size at false marks a scan, and at the model's own threshold."""
    at_four = threshold_for(scored, FALSE_A_SCAN)
    share, large = sensitivity_at(scored, at_four, FROM_MM, math.inf)
    own, _ = sensitivity_at(scored, peak, FROM_MM, math.inf)
    return {
        "insertions": len(scored.sizes),
        "from_8_mm": large,
        "from_8_mm_sensitivity_at_4_false": _number(share),
        "from_8_mm_sensitivity_at_operating_point": _number(own),
        "false_a_scan_at_operating_point": _number(
            sum(score >= peak for score in scored.false) / max(1, scored.studies)
        ),
        "froc": {
            size: {rate: _number(value) for rate, value in row.items()}
            for size, row in froc(scored).items()
        },
    }


def _number(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None

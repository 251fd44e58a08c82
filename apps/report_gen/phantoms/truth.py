"""The findings of a phantom, read off its masks: what is not in the masks is not there."""

import numpy as np
import torch
from torch import Tensor

from apps.report_gen.findings import (
    FINDINGS,
    KEYS,
    KINDS,
    Finding,
    FindingSet,
    Lobe,
    Side,
    State,
    side_of,
)
from apps.report_gen.inference.measuring import Measures, measures
from apps.report_gen.phantoms.grid import Grid

LOBE_ORDER = tuple(Lobe)
LEAST_ML = {
    "lung_nodule": 0.0, "mass": 0.0, "lung_opacity": 3.0, "consolidation": 3.0, "atelectasis": 1.0,
    "emphysema": 5.0, "pleural_effusion": 10.0, "pneumothorax": 8.0, "cardiomegaly": 0.0,
    "pericardial_effusion": 5.0, "arterial_calcification": 0.0, "coronary_calcification": 0.0,
    "hiatal_hernia": 5.0,
}  # fmt: skip
"""A region below this volume is not called."""
SIDE_SHARE, LOBE_SHARE = 0.1, 0.12
"""A side or lobe is told when it holds this share of a finding's voxels."""


def truth_of(
    grid: Grid, regions: Tensor, labels: Tensor, lobes: Tensor, kinds: list[str]
) -> FindingSet:
    """Every finding with state, side, lobes and measures, from the maps of a `Phantom`.

    Args:
        kinds: of the focal lesions 1, 2 … in `labels`.
    """
    counts = region_counts(regions, lobes)
    told: list[Finding] = []
    for kind in FINDINGS:
        if kind.focal:
            told += _focal(grid, labels, lobes, kind.key, kinds)
            continue
        side_counts, lobe_counts = counts[KEYS.index(kind.key)]
        total = float(side_counts.sum())
        there = total > 0 and total * grid.millilitres >= LEAST_ML[kind.key]
        told.append(
            region_finding(kind.key, there, side_counts, lobe_counts, total * grid.millilitres)
        )
    return FindingSet(findings=tuple(told))


def region_finding(
    key: str, there: bool, side_counts: np.ndarray, lobe_counts: np.ndarray, millilitres: float
) -> Finding:
    """A finding without a focus, from how many voxels lie where."""
    kind = KINDS[key]
    if not there:
        return Finding(id=key, kind=key, state=State.ABSENT, probability=0.0)
    share = lobe_counts / max(1.0, lobe_counts.sum())
    found = tuple(
        lobe
        for lobe, part in zip(LOBE_ORDER, share, strict=True)
        if kind.lobed and part >= LOBE_SHARE
    )
    sides = side_counts / side_counts.sum() >= SIDE_SHARE
    side = Side.NONE
    if kind.sided:
        side = Side.BOTH if sides.all() else Side.RIGHT if sides[0] else Side.LEFT
        # A side and its lobes never contradict one another.
        found = tuple(lobe for lobe in found if side in (Side.BOTH, lobe.side))
        if found and side is Side.BOTH:
            side = side_of(found)
    return Finding(
        id=key, kind=key, state=State.PRESENT, probability=1.0, side=side, lobes=found,
        volume_ml=round(millilitres, 1),
    )  # fmt: skip


def region_counts(regions: Tensor, lobes: Tensor) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Voxels of each finding on the right and the left, and in the five lobes."""
    middle = regions.shape[2] / 2
    right = (torch.arange(regions.shape[2], device=regions.device) + 0.5 > middle).long()
    where = lobes.long() + 6 * right[None, None, :]
    rows = [
        torch.bincount(where[(regions >> bit) & 1 > 0], minlength=12) for bit in range(len(KEYS))
    ]
    table = torch.stack(rows).cpu().numpy().astype(float)
    return {
        bit: (np.array([row[6:].sum(), row[:6].sum()]), row[1:6] + row[7:12])
        for bit, row in enumerate(table)
    }


def _focal(grid: Grid, labels: Tensor, lobes: Tensor, key: str, kinds: list[str]) -> list[Finding]:
    told: list[Finding] = []
    for label, kind in enumerate(kinds, 1):
        if kind != key:
            continue
        at = (labels == label).nonzero()
        if not len(at):
            continue
        found = measures(at.cpu().numpy(), grid.spacing)
        inside = lobes[at[:, 0], at[:, 1], at[:, 2]]
        counts = torch.bincount(inside.long(), minlength=6)[1:6].cpu().numpy()
        told.append(lesion_finding(key, len(told) + 1, label, found, counts, labels.shape[2], grid))
    return told or [Finding(id=key, kind=key, state=State.ABSENT, probability=0.0)]


def lesion_finding(
    key: str, number: int, label: int, found: Measures, lobe_counts: np.ndarray, columns: int,
    grid: Grid,
) -> Finding:  # fmt: skip
    """A focal lesion that is present."""
    lobes: tuple[Lobe, ...] = ()
    if lobe_counts.sum() > 0:
        lobes = (LOBE_ORDER[int(lobe_counts.argmax())],)
        side = lobes[0].side
    else:
        middle = (columns - 1) / 2 * grid.spacing[2]
        side = Side.RIGHT if found.centre[2] > middle else Side.LEFT
    return Finding(
        id=f"{key}.{number}", kind=key, state=State.PRESENT, probability=1.0, side=side,
        lobes=lobes, size_mm=round(found.longest, 1), volume_ml=round(found.millilitres, 3),
        centre=found.centre, box=found.box, label=label,
    )  # fmt: skip

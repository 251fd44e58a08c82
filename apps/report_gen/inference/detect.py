"""From what the network saw to findings with a place."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.findings import (
    FINDINGS,
    FOCAL,
    KEYS,
    MASS_FROM_MM,
    Finding,
    FindingSet,
    Lobe,
    Side,
    State,
)
from apps.report_gen.inference.measuring import measures
from apps.report_gen.inference.network import ImageNetwork, Seen, corner_of, cubes
from apps.report_gen.inference.verdicts import Verdicts

MOST_LESIONS = 12
"""Of one kind in one study."""
SIDE_SHARE, LOBE_SHARE = 0.1, 0.12
"""A side or lobe is told when it holds this share of a finding's voxels; as in phantoms."""
LOBES = tuple(Lobe)
LEAST_OF_A_MASS_MM = MASS_FROM_MM / 2
"""An outline below this missed most of the mass that was found there: it tells no size."""
RIGHT_LOBES = sum(lobe.side is Side.RIGHT for lobe in LOBES)
"""They come first."""


class Found(NamedTuple):
    """Findings and their masks on the network's grid.

    Attributes:
        labels: uint8 [D, H, W]; a focal finding's `label`.
        regions: bool [K, D / 2, H / 2, W / 2]; where each kind is, at half of the grid.
    """

    findings: FindingSet
    labels: Tensor
    regions: Tensor


class Peak(NamedTuple):
    """A centre: its kind, score and voxel on the network's grid."""

    kind: str
    score: float
    at: tuple[float, float, float]


def peaks(seen: Seen, number: int, threshold: tuple[float, ...]) -> list[Peak]:
    """Local maxima of the centres' maps, the likeliest first."""
    heat = seen.heat[number].float()
    highest = F.max_pool3d(heat[None], 5, 1, 2)[0]
    made = []
    for channel, kind in enumerate(FOCAL):
        scores = torch.where(heat[channel] == highest[channel], heat[channel], -30.0).sigmoid()
        best = scores.flatten().topk(min(MOST_LESIONS, scores.numel()))
        for score, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            if score < threshold[channel]:
                break
            z, rest = divmod(index, scores.shape[1] * scores.shape[2])
            y, x = divmod(rest, scores.shape[2])
            move = seen.offsets[number, :, z, y, x].float().clamp(-2, 2).tolist()
            at = tuple(2 * (p + o) + 0.5 for p, o in zip((z, y, x), move, strict=True))
            made.append(Peak(kind, score, (at[0], at[1], at[2])))
    return sorted(made, key=lambda peak: -peak.score)


@torch.no_grad()
def detect(
    network: ImageNetwork, volume: Tensor, verdicts: Verdicts, seen: Seen | None = None
) -> list[Found]:
    """Findings of volumes [B, windows, D, H, W] in windows.

    Args:
        seen: what `network` made of them, if that is at hand.
    """
    if seen is None:
        seen = network(volume)
    logits = seen.states.float().cpu().numpy().astype(float)
    chances = verdicts.probabilities(logits)
    states = verdicts.states(chances)
    return [
        _study(network, volume, seen, number, verdicts, chances[number], states[number])
        for number in range(len(volume))
    ]


def _study(
    network: ImageNetwork, volume: Tensor, seen: Seen, number: int, verdicts: Verdicts,
    chances: np.ndarray, states: list[State],
) -> Found:  # fmt: skip
    regions = seen.masks[number] > 0
    lobe_map = _lobes_by_side(seen.lobes[number, 1:].float())
    labels = torch.zeros(volume.shape[2:], dtype=torch.uint8, device=volume.device)
    all_peaks = peaks(seen, number, (1e-4, 1e-4))
    told: list[Finding] = []
    for index, kind in enumerate(FINDINGS):
        state, chance = states[index], float(chances[index])
        if kind.focal and state is State.PRESENT:
            mine = [peak for peak in all_peaks if peak.kind == kind.key]
            sure = [peak for peak in mine if peak.score >= verdicts.peak[FOCAL.index(kind.key)]]
            lesions = [
                finding
                for order, peak in enumerate(sure or mine[:1], 1)
                for finding in [
                    _lesion(network, volume, seen, number, labels, lobe_map, peak, order, chance)
                ]
            ]
            told += lesions
            if lesions:
                continue
            state = State.UNCERTAIN
        side = Side.NONE
        places: tuple[Lobe, ...] = ()
        millilitres = None
        if state is State.PRESENT:
            counts = torch.bincount(lobe_map[regions[index]], minlength=len(LOBES)).tolist()
            voxel = 8 * float(np.prod(network.shape.spacing)) / 1000
            millilitres = round(sum(counts) * voxel, 1)
            side, places = _where(
                seen.sides[number, index].tolist(), counts, kind.sided, kind.lobed
            )
        told.append(
            Finding(
                id=kind.key, kind=kind.key, state=state, probability=round(chance, 4), side=side,
                lobes=places, volume_ml=millilitres,
            )
        )  # fmt: skip
    return Found(FindingSet(findings=tuple(told)), labels, regions)


def _lobes_by_side(lobes: Tensor) -> Tensor:
    """The likeliest lobe [D, H, W] of logits [lobes, D, H, W], of the side that a voxel lies on."""
    middle = lobes.shape[3] // 2
    # The patient's right is where x is great.
    left = lobes[RIGHT_LOBES:, :, :, :middle].argmax(0) + RIGHT_LOBES
    return torch.cat([left, lobes[:RIGHT_LOBES, :, :, middle:].argmax(0)], 2)


def _where(
    sides: list[float], counts: list[int], sided: bool, lobed: bool
) -> tuple[Side, tuple[Lobe, ...]]:
    """Side and lobes that never contradict one another.

    Told by the mask's voxels in each lobe, `counts`, by the rule of `phantoms.truth`; by the
    logits `sides`, right and left, where the mask is empty.
    """
    if not sided:
        return Side.NONE, ()
    total = sum(counts)
    if not total:
        right, left = sides[0] > 0, sides[1] > 0
        if right == left:
            return (Side.BOTH if right else Side.RIGHT if sides[0] > sides[1] else Side.LEFT), ()
        return (Side.RIGHT if right else Side.LEFT), ()
    share = [count / total for count in counts]
    right, left = (sum(part) >= SIDE_SHARE for part in (share[:RIGHT_LOBES], share[RIGHT_LOBES:]))
    side = Side.BOTH if right and left else Side.RIGHT if right else Side.LEFT
    if not lobed:
        return side, ()
    told = {number for number, part in enumerate(share) if part >= LOBE_SHARE}
    for number in range(len(LOBES)):
        # A side whose lobes share out too little has the fullest one of them told.
        own = [other for other, lobe in enumerate(LOBES) if lobe.side is LOBES[number].side]
        if not told & set(own):
            told.add(max(own, key=share.__getitem__))
    places = tuple(LOBES[number] for number in sorted(told))
    return side, tuple(lobe for lobe in places if side in (Side.BOTH, lobe.side))


def _lesion(
    network: ImageNetwork, volume: Tensor, seen: Seen, number: int, labels: Tensor,
    lobe_map: Tensor, peak: Peak, order: int, chance: float,
) -> Finding:  # fmt: skip
    """One lesion: its outline goes into `labels`, its measures come from there."""
    label = int(labels.max()) + 1
    at = _outline(network, volume, seen, number, peak)
    free = labels[at[:, 0], at[:, 1], at[:, 2]] == 0
    at = at[free] if bool(free.any()) else at
    labels[at[:, 0], at[:, 1], at[:, 2]] = label
    found = measures(at.cpu().numpy(), network.shape.spacing)
    half = (at // 2).minimum(torch.tensor(lobe_map.shape, device=at.device) - 1)
    counts = torch.bincount(lobe_map[half[:, 0], half[:, 1], half[:, 2]], minlength=len(LOBES))
    # The side is where it lies; of that side's lobes, the one that holds most of it.
    right = found.centre[2] > (labels.shape[2] - 1) / 2 * network.shape.spacing[2]
    side = Side.RIGHT if right else Side.LEFT
    own = [index for index, lobe in enumerate(LOBES) if lobe.side is side]
    lobe = LOBES[max(own, key=lambda index: int(counts[index]))]
    measured = peak.kind == FOCAL[0] or found.longest >= LEAST_OF_A_MASS_MM
    return Finding(
        id=f"{peak.kind}.{order}", kind=peak.kind, state=State.PRESENT,
        probability=round(min(chance, 1.0), 4), side=side, lobes=(lobe,),
        size_mm=round(found.longest, 1) if measured else None,
        volume_ml=round(found.millilitres, 3) if measured else None,
        centre=found.centre, box=found.box, label=label,
    )  # fmt: skip


def _outline(network: ImageNetwork, volume: Tensor, seen: Seen, number: int, peak: Peak) -> Tensor:
    """Voxels [N, 3] of a lesion: at full resolution where it is small, else from its mask."""
    size = torch.tensor(volume.shape[2:], device=volume.device)
    centre = torch.tensor(peak.at, device=volume.device).round().long()
    centre = centre.clamp(min=0).minimum(size - 1)
    edge = network.shape.crop
    if peak.kind == FOCAL[0]:
        corner = corner_of(peak.at, edge)
        cube = cubes(volume, [number], [corner], edge)
        half = (corner[0] // 2, corner[1] // 2, corner[2] // 2)
        fine = cubes(seen.fine, [number], [half], edge // 2)
        inside = network.outline(cube, fine)[0] > 0
        at = _joined(inside, edge) + torch.tensor(corner, device=volume.device)
    else:
        low = (centre // 2 - 16).clamp(min=0).tolist()
        mask = seen.masks[number, KEYS.index(peak.kind)]
        part = mask[tuple(slice(first, first + 33) for first in low)] > 0
        whole = part.repeat_interleave(2, 0).repeat_interleave(2, 1).repeat_interleave(2, 2)
        at = whole.nonzero() + 2 * torch.tensor(low, device=volume.device)
    at = at[((at >= 0) & (at < size)).all(1)]
    return at if len(at) else centre[None]


def _joined(inside: Tensor, edge: int) -> Tensor:
    """Voxels of the part of a mask that hangs together with its middle, grown step by step."""
    grown = torch.zeros_like(inside)
    middle = slice(edge // 2 - 3, edge // 2 + 3)
    grown[middle, middle, middle] = inside[middle, middle, middle]
    for _ in range(edge):
        wider = F.max_pool3d(grown[None, None].float(), 3, 1, 1)[0, 0] > 0
        wider &= inside
        if bool((wider == grown).all()):
            break
        grown = wider
    return grown.nonzero()

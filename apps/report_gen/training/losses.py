"""What stage A minimises."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.findings import FOCAL
from apps.report_gen.inference.evidence import likeliest
from apps.report_gen.inference.network import ImageNetwork, Seen, corner_of, cubes
from apps.report_gen.training.pool import Batch
from apps.report_gen.training.targets import SIDED, heat_of, masks_of, shifted

MOST_OUTLINES = 16
"""Small lesions of a batch whose outlines are trained."""
BEST_INSIDE, WORST_OUTSIDE = 8, 64
"""Voxels of each mask that `_peaks` looks at."""
HEAT = 2.0
"""Of the loss of centres: nodules are what is missed, the other findings have room to spare."""
LEAST_LOGIT = -1e4
EDGE = 2
"""Voxels around a mask that belong to neither."""


class Losses(NamedTuple):
    """Each weighted as it enters the sum."""

    states: Tensor
    sides: Tensor
    heat: Tensor
    offsets: Tensor
    masks: Tensor
    peaks: Tensor
    lobes: Tensor
    outlines: Tensor

    def total(self) -> Tensor:
        """Their sum."""
        return torch.stack(list(self)).sum()


def losses(network: ImageNetwork, volume: Tensor, seen: Seen, batch: Batch) -> Losses:
    """For windows `volume` [B, windows, D, H, W] of which the network made `seen`."""
    states = F.binary_cross_entropy_with_logits(seen.states, batch.states)
    weight = batch.states[..., None] * SIDED.to(batch.states.device)[None, :, None]
    sides = F.binary_cross_entropy_with_logits(seen.sides, batch.sides, weight=weight)
    size = (seen.heat.shape[2], seen.heat.shape[3], seen.heat.shape[4])
    wanted = heat_of(batch.centres, size, network.shape.spacing, volume.device)
    count = max(1, sum(len(each) for each in batch.centres))
    return Losses(
        states=2.0 * states,
        sides=2.0 * sides,
        heat=HEAT * focal(seen.heat.float(), wanted) / count,
        offsets=0.2 * _offsets(seen.offsets, batch),
        masks=_masks(seen.masks, masks_of(batch.regions)),
        peaks=_peaks(seen.masks, batch.regions),
        lobes=0.3 * F.cross_entropy(seen.lobes.float(), batch.lobes.long()),
        outlines=_outlines(network, volume, seen, batch),
    )


def focal(logits: Tensor, wanted: Tensor) -> Tensor:
    """CenterNet's focal loss with its exponents 2 and 4 (Zhou et al., 2019), summed."""
    share = logits.sigmoid()
    peak = (wanted > 0.999).float()
    found = F.logsigmoid(logits) * (1 - share) ** 2 * peak
    other = F.logsigmoid(-logits) * share**2 * (1 - wanted) ** 4 * (1 - peak)
    return -(found + other).sum()


def _offsets(offsets: Tensor, batch: Batch) -> Tensor:
    """L1 at the voxel next to each centre; all centres in one step, as each would wait for the
    device."""
    places: list[list[int]] = []
    gaps: list[list[float]] = []
    for number, several in enumerate(batch.centres):
        for each in several:
            exact = [(at - 0.5) / 2 for at in each.at]
            near = [
                min(max(0, round(e)), n - 1) for e, n in zip(exact, offsets.shape[2:], strict=True)
            ]
            places.append([number, *near])
            gaps.append([e - n for e, n in zip(exact, near, strict=True)])
    if not places:
        return offsets.sum() * 0.0
    which, z, y, x = torch.tensor(places, device=offsets.device).unbind(1)
    told = offsets[which, :, z, y, x].float()
    return (told - torch.tensor(gaps, device=offsets.device)).abs().mean()


def _masks(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy that counts the rare voxels more, and Dice where there is something: of each
    half of the chest by itself, so that a lung with little of a finding counts as the other."""
    logits = logits.float()
    plain = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    there = _by_half(wanted)
    inside = _by_half(plain * wanted) / there.clamp(min=1)
    outside = (plain * (1 - wanted)).mean((2, 3, 4))
    share = logits.sigmoid()
    dice = 1 - (2 * _by_half(share * wanted) + 1) / (_by_half(share) + there + 1)
    present = (there > 0).float()
    count = present.sum().clamp(min=1)
    return ((0.1 * inside + 0.6 * dice) * present).sum() / count + 10.0 * outside.mean()


def _by_half(maps: Tensor) -> Tensor:
    """Sums [B, K, 2] over the left and the right half of [B, K, D, H, W]."""
    return maps.unflatten(4, (2, maps.shape[4] // 2)).sum((2, 3, 5))


def _peaks(logits: Tensor, regions: Tensor) -> Tensor:
    """Cross-entropy of each mask's surest voxels where the finding is and where it is not.

    A state is told by the likeliest voxels of a mask; in a mean over the chest a dozen false ones
    among a million weigh nothing.
    """
    logits = logits.float()
    around = masks_of(spread(regions, EDGE)) > 0
    outside = F.softplus(likeliest(logits.masked_fill(around, LEAST_LOGIT), WORST_OUTSIDE)).mean(2)
    inside = masks_of(regions) > 0
    best = likeliest(logits.masked_fill(~inside, LEAST_LOGIT), BEST_INSIDE)
    real = (best > LEAST_LOGIT).float()
    missed = (F.softplus(-best) * real).sum(2) / real.sum(2).clamp(min=1)
    there = inside.flatten(2).any(2).float()
    return 0.5 * outside.mean() + 0.25 * (missed * there).sum() / there.sum().clamp(min=1)


def spread(bits: Tensor, by: int) -> Tensor:
    """Bits [B, D, H, W] set also in every voxel up to `by` away along each axis."""
    for axis in (1, 2, 3):
        size, made = bits.shape[axis], bits.clone()
        for step in range(1, min(by, size - 1) + 1):
            rest = size - step
            made.narrow(axis, step, rest).bitwise_or_(bits.narrow(axis, 0, rest))
            made.narrow(axis, 0, rest).bitwise_or_(bits.narrow(axis, step, rest))
        bits = made
    return bits


def _outlines(network: ImageNetwork, volume: Tensor, seen: Seen, batch: Batch) -> Tensor:
    edge = network.shape.crop
    which: list[int] = []
    corners: list[tuple[int, int, int]] = []
    masks: list[Tensor] = []
    for number, several in enumerate(batch.centres):
        whole = None
        for each in several:
            if FOCAL[each.kind] != FOCAL[0] or len(which) >= MOST_OUTLINES:
                continue
            if whole is None:
                whole = shifted(batch.labels[number], batch.steps[number].tolist(), 0)
            corner = corner_of(each.at, edge)
            which.append(number)
            corners.append(corner)
            own = (whole == each.label).float()[None, None]
            masks.append(cubes(own, [0], [corner], edge)[0, 0])
    if not which:
        return seen.fine.sum() * 0.0 + sum(p.sum() for p in network.outline.parameters()) * 0.0
    # Always as many cubes, the last one again and again: cuDNN looks for its way once.
    count, more = len(which), MOST_OUTLINES - len(which)
    which, corners = which + which[-1:] * more, corners + corners[-1:] * more
    cube = cubes(volume, which, corners, edge)
    halves = [(z // 2, y // 2, x // 2) for z, y, x in corners]
    fine = cubes(seen.fine, which, halves, edge // 2)
    logits = network.outline(cube, fine)[:count].float()
    wanted = torch.stack(masks)
    plain = F.binary_cross_entropy_with_logits(logits, wanted)
    share = logits.sigmoid()
    common = (share * wanted).sum((1, 2, 3))
    dice = 1 - (2 * common + 1) / (share.sum((1, 2, 3)) + wanted.sum((1, 2, 3)) + 1)
    return 0.5 * plain + 0.3 * dice.mean()

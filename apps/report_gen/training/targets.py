"""What the image network is to answer for a phantom, on the grid of its finest map."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.findings import FOCAL, KEYS, KINDS, FindingSet, Side, State
from apps.report_gen.phantoms.phantom import Phantom

SIDED = torch.tensor([KINDS[key].sided for key in KEYS])


@dataclass(frozen=True, kw_only=True)
class Centre:
    """A focal lesion: its kind's place in `FOCAL`, its voxel, its length in mm, its label."""

    kind: int
    at: tuple[float, float, float]
    size_mm: float
    label: int


@dataclass(frozen=True, kw_only=True)
class Example:
    """One phantom in a pool; tensors lie on the device that trains.

    Attributes:
        hu: int16 [D, H, W].
        regions: int16 at half of the grid; bit k is set where finding k touches the voxel.
        lobes: uint8 at half of the grid.
        labels: uint8 [D, H, W].
        states: [K]; sides: [K, 2], right and left.
    """

    seed: int
    hu: Tensor
    regions: Tensor
    lobes: Tensor
    labels: Tensor
    states: Tensor
    sides: Tensor
    centres: tuple[Centre, ...]
    truth: FindingSet


def example(phantom: Phantom) -> Example:
    """A phantom as it is trained on."""
    spacing, device = phantom.grid.spacing, phantom.hu.device
    told = phantom.truth.states()
    states = torch.tensor([float(told[key] is State.PRESENT) for key in KEYS])
    sides = torch.zeros(len(KEYS), 2)
    centres = []
    for finding in phantom.truth.present():
        row = sides[KEYS.index(finding.kind)]
        row[0] = max(float(row[0]), float(finding.side in (Side.RIGHT, Side.BOTH)))
        row[1] = max(float(row[1]), float(finding.side in (Side.LEFT, Side.BOTH)))
        if finding.kind in FOCAL and finding.centre is not None:
            z, y, x = (mm / step for mm, step in zip(finding.centre, spacing, strict=True))
            centres.append(
                Centre(
                    kind=FOCAL.index(finding.kind), at=(z, y, x),
                    size_mm=finding.size_mm or 0.0, label=finding.label,
                )
            )  # fmt: skip
    return Example(
        seed=phantom.seed, hu=phantom.hu, regions=halved_bits(phantom.regions),
        lobes=phantom.lobes[::2, ::2, ::2].contiguous(), labels=phantom.labels,
        states=states.to(device), sides=sides.to(device), centres=tuple(centres),
        truth=phantom.truth,
    )  # fmt: skip


def halved_bits(bits: Tensor) -> Tensor:
    """A bit is set at half of the grid where any of its eight voxels has it."""
    made = bits[::2] | bits[1::2]
    made = made[:, ::2] | made[:, 1::2]
    return made[:, :, ::2] | made[:, :, 1::2]


def heat_of(
    centres: list[tuple[Centre, ...]], size: tuple[int, int, int], spacing: tuple[float, ...],
    device: torch.device,
) -> Tensor:  # fmt: skip
    """Targets [B, focal kinds, D, H, W]: a bell around each centre (Zhou et al., 2019,
    arXiv:1904.07850), 1 at the voxel that holds it."""
    made = torch.zeros(len(centres), len(FOCAL), *size, device=device)
    for number, several in enumerate(centres):
        for each in several:
            middle = [
                min(round((at - 0.5) / 2), n - 1) for at, n in zip(each.at, size, strict=True)
            ]
            spread = max(2.0 * max(spacing) * 0.8, each.size_mm / 6)
            reach = [math.ceil(2.5 * spread / (2 * step)) for step in spacing]
            box = [
                slice(max(0, m - r), min(n, m + r + 1))
                for m, r, n in zip(middle, reach, size, strict=True)
            ]
            z, y, x = (
                (torch.arange(part.start, part.stop, device=device) - m) * 2 * step
                for part, m, step in zip(box, middle, spacing, strict=True)
            )
            square = z[:, None, None] ** 2 + y[None, :, None] ** 2 + x[None, None] ** 2
            view = made[number, each.kind][tuple(box)]
            torch.maximum(view, torch.exp(-square / (2 * spread**2)), out=view)
    return made


def masks_of(regions: Tensor) -> Tensor:
    """[B, K, D, H, W] of bits [B, D, H, W]."""
    bits = torch.arange(len(KEYS), device=regions.device, dtype=torch.int16)
    return ((regions[:, None] >> bits[None, :, None, None, None]) & 1).float()


def moved(
    hu: Tensor, regions: Tensor, lobes: Tensor, centres: list[tuple[Centre, ...]], steps: Tensor
) -> tuple[Tensor, Tensor, Tensor, list[tuple[Centre, ...]]]:
    """Volumes [B, D, H, W] shifted by an even count of voxels `steps` [B, 3], air coming in."""
    made: list[tuple[Tensor, Tensor, Tensor]] = []
    placed: list[tuple[Centre, ...]] = []
    for number, step in enumerate(steps.tolist()):
        half = [each // 2 for each in step]
        made.append(
            (
                shifted(hu[number], step, -1000), shifted(regions[number], half, 0),
                shifted(lobes[number], half, 0),
            )
        )  # fmt: skip
        kept = []
        for each in centres[number]:
            at = tuple(a + s for a, s in zip(each.at, step, strict=True))
            if all(1 <= a < n - 2 for a, n in zip(at, hu.shape[1:], strict=True)):
                kept.append(
                    Centre(
                        kind=each.kind, at=(at[0], at[1], at[2]), size_mm=each.size_mm,
                        label=each.label,
                    )
                )  # fmt: skip
        placed.append(tuple(kept))
    first, second, third = (torch.stack(parts) for parts in zip(*made, strict=True))
    return first, second, third, placed


def shifted(volume: Tensor, step: list[int], fill: int) -> Tensor:
    """[D, H, W] moved by `step` voxels, `fill` coming in."""
    pad: list[int] = []
    box = []
    for move, size in reversed(list(zip(step, volume.shape, strict=True))):
        pad += [max(move, 0), max(-move, 0)]
        box.append(slice(max(-move, 0), max(-move, 0) + size))
    return F.pad(volume, pad, value=fill)[tuple(reversed(box))]

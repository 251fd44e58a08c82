"""One step on real volumes: labels teach the states, nodules put in teach places and outlines."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.bridge.inserting import Inserter
from apps.report_gen.bridge.splitting import Part, part_of
from apps.report_gen.findings import KEYS
from apps.report_gen.inference.network import ImageNetwork, windowed
from apps.report_gen.inference.shape import Shape
from apps.report_gen.training.losses import focal
from apps.report_gen.training.real.cache import Kept
from apps.report_gen.training.stage_image import varied
from apps.report_gen.training.targets import Centre, heat_of
from apps.report_gen.volume import Volume, straight_affine

NODULE = KEYS.index("lung_nodule")
MOST_NODULES = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class RealExample:
    """One volume as it is learned from.

    Attributes:
        hu: int16 [D, H, W].
        states, known: [K]; `known` is 1 where a label says something.
        centres: of nodules that were put in.
        clean: whether it is known to have no nodule of its own.
    """

    hu: Tensor
    states: Tensor
    known: Tensor
    centres: tuple[Centre, ...]
    clean: bool


def example_of(kept: Kept, shape: Shape, draw: np.random.Generator, insert: float) -> RealExample:
    """A prepared volume, perhaps with nodules; scans that measure never get any."""
    states, known = torch.zeros(len(KEYS)), torch.zeros(len(KEYS))
    for key, there in kept.study.labels.items():
        states[KEYS.index(key)], known[KEYS.index(key)] = float(there), 1.0
    hu = kept.hu()
    centres: tuple[Centre, ...] = ()
    if draw.random() < insert and may_be_background(kept):
        volume = Volume(hu=hu, spacing=shape.spacing, affine=straight_affine(shape.spacing))
        inserter = Inserter(volume, known=[], held_out=False)
        changed, made = inserter.insert(int(draw.integers(1, MOST_NODULES + 1)), draw)
        if made:
            hu = changed.hu
            states[NODULE] = known[NODULE] = 1.0
            centres = tuple(
                Centre(kind=0, at=_voxel(each.centre, shape), size_mm=each.size_mm, label=label)
                for label, each in enumerate(made, 1)
            )
    return RealExample(
        hu=torch.from_numpy(hu), states=states, known=known, centres=centres,
        clean=kept.study.labels.get("lung_nodule") is False,
    )  # fmt: skip


def may_be_background(kept: Kept) -> bool:
    """Whether nodules may be put into it for training: neither by patient nor by hash does it
    measure."""
    return part_of(kept.digest) is Part.TRAINING and not kept.study.validates


def _voxel(mm: tuple[float, float, float], shape: Shape) -> tuple[float, float, float]:
    z, y, x = (at / step for at, step in zip(mm, shape.spacing, strict=True))
    return z, y, x


def real_loss(
    network: ImageNetwork, examples: list[RealExample], draw: np.random.Generator, device: str
) -> Tensor:
    """Cross-entropy of the labels that are told, and the centres of what was put in."""
    hu = torch.stack([each.hu for each in examples]).to(device)
    volume = windowed(varied(hu, draw))
    with torch.autocast(device.partition(":")[0], torch.bfloat16, enabled="cuda" in device):
        seen = network(volume)
    states = torch.stack([each.states for each in examples]).to(device)
    known = torch.stack([each.known for each in examples]).to(device)
    plain = F.binary_cross_entropy_with_logits(seen.states.float(), states, reduction="none")
    loss = 2.0 * (plain * known).sum() / known.sum().clamp(min=1)
    with_nodules = [at for at, each in enumerate(examples) if each.centres]
    if with_nodules:
        size = (seen.heat.shape[2], seen.heat.shape[3], seen.heat.shape[4])
        wanted = heat_of(
            [examples[at].centres for at in with_nodules], size, network.shape.spacing, hu.device
        )
        count = sum(len(examples[at].centres) for at in with_nodules)
        # Whether a mass is there is not known: that map learns nothing here. Neither do places
        # without a nodule where the scan may have some of its own.
        clean = torch.tensor([examples[at].clean for at in with_nodules], device=hu.device)
        counts = (wanted[:, :1] > 0) | clean.view(-1, 1, 1, 1, 1)
        told = torch.where(counts, seen.heat[with_nodules][:, :1].float(), -30.0)
        loss = loss + 0.5 * focal(told, wanted[:, :1]) / count
    return loss

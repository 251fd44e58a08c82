"""What is drawn over a finding hides it: a mask holds only what can still be seen."""

from collections.abc import Mapping

import torch
from torch import Tensor

from apps.report_gen.findings import KEYS

_LUNG = ("emphysema", "lung_opacity")
_AIRLESS = (*_LUNG, "consolidation", "atelectasis")
HIDES: Mapping[str, tuple[str, ...]] = {
    "lung_opacity": ("emphysema",),
    "consolidation": _LUNG,
    "mass": _LUNG,
    "lung_nodule": _LUNG,
    "atelectasis": _LUNG,
    "pleural_effusion": _AIRLESS,
    "pneumothorax": (*_AIRLESS, "pleural_effusion"),
}
"""By kind: what was drawn before it and cannot be told any more where it lies."""

OVER_LESIONS = ("pleural_effusion", "pneumothorax")
"""Drawn after masses and nodules, which are noted last, and over them."""

DENSEST_EMPHYSEMA = -900.0
"""HU; lung that haze fills or air in the pleura presses to more than this looks like any other."""


def bit(kind: str) -> int:
    """A kind's bit in `Phantom.regions`."""
    return 1 << KEYS.index(kind)


def cover(regions: Tensor, kind: str, mask: Tensor) -> None:
    """Write `mask`, bool and of the shape of `regions`, into `regions` as `kind`, over what was."""
    hidden = sum(bit(other) for other in HIDES.get(kind, ()))
    inside = mask.to(torch.int16)
    regions.bitwise_and_(~(inside * hidden)).bitwise_or_(inside * bit(kind))


def left_to_see(regions: Tensor, mask: Tensor) -> Tensor:
    """What no fluid or air was drawn over of a lesion's `mask`; both of one box."""
    return mask & (regions & sum(map(bit, OVER_LESIONS)) == 0)


def only_thin(regions: Tensor, hu: Tensor) -> None:
    """Take emphysema out of `regions` where the finished `hu` is not that of emphysema."""
    dense = (hu > DENSEST_EMPHYSEMA).to(torch.int16)
    regions.bitwise_and_(~(dense * bit("emphysema")))

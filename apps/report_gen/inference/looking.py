"""What a network sees of one scan, in as many looks as that takes.

Centres of lesions are told of the scan and of its mirror image: a small nodule that one look all
but misses the other often finds. The rest is not, since the heart of a mirrored chest lies on the
wrong side. Which findings a sharp scan has is told of a third look, at the scan made soft.
"""

import torch
from torch import Tensor

from apps.report_gen.inference.network import ImageNetwork, Seen
from apps.report_gen.inference.softening import softened

X = 4
"""The axis from left to right of volumes [B, windows, D, H, W]."""


def looked_at(network: ImageNetwork, windows: Tensor, dtype: torch.dtype) -> tuple[Tensor, Seen]:
    """One volume as the network takes it, and what it sees: states as under a soft kernel.

    Args:
        windows: [1, windows, D, H, W], as exact as they were made: texture is finer than `dtype`.
    """
    taken = _taken(windows, dtype)
    seen = with_mirrored(network(taken), network(_taken(windows.flip(X), dtype)))
    exact = windows[0]
    soft = softened(exact)
    if soft is not exact:
        seen = seen._replace(states=network(_taken(soft[None], dtype)).states)
    return taken, seen


def with_mirrored(seen: Seen, mirrored: Seen) -> Seen:
    """`seen` with the mean of both looks at centres, and of the ways from voxels to them."""
    back = mirrored.offsets.flip(X)
    # The last of three offsets is along x, where a mirror turns the sign.
    back = torch.cat([back[:, :2], -back[:, 2:]], 1)
    return seen._replace(
        heat=(seen.heat + mirrored.heat.flip(X)) / 2, offsets=(seen.offsets + back) / 2
    )


def _taken(windows: Tensor, dtype: torch.dtype) -> Tensor:
    order = torch.contiguous_format if windows.is_cuda else torch.channels_last_3d
    return windows.to(dtype).contiguous(memory_format=order)

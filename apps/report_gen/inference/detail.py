"""What the pyramid's finest map has lost of small things: the volume at full resolution.

A nodule of 6 mm fills two voxels of that map, and whether a vessel runs on behind it is not seen
there any more. Eight voxels become channels of one (Shi et al., 2016, arXiv:1609.05158, backwards),
so nothing is averaged away, and nothing of the size of the whole volume is kept.
"""

import torch
from torch import Tensor, nn

SEEN = 2
"""Windows that it looks at, the first ones: lung and soft tissue."""
INNER = 32


class Detail(nn.Module):
    """Channels beside those of the pyramid, for the heads that tell places and masks."""

    def __init__(self, fine: int, made: int) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv3d(8 * SEEN + fine, INNER, 3, 1, 1, bias=False), nn.BatchNorm3d(INNER),
            nn.ReLU(inplace=True),
        )  # fmt: skip
        self.tell = nn.Sequential(
            nn.Conv3d(INNER, made, 3, 1, 1, bias=False), nn.BatchNorm3d(made), nn.ReLU(inplace=True)
        )

    def forward(self, volume: Tensor, fine: Tensor) -> Tensor:
        """[B, made, D / 2, H / 2, W / 2] of windows [B, windows, D, H, W] and the finest map."""
        close = beside(volume[:, :SEEN]).to(fine.dtype)
        made: Tensor = self.tell(self.look(torch.cat([close, fine], 1)))
        return made


def beside(volume: Tensor) -> Tensor:
    """[B, 8 C, D / 2, H / 2, W / 2] of [B, C, D, H, W]: each block of 2x2x2 voxels as channels."""
    depth, height, width = (size // 2 for size in volume.shape[2:])
    parts = volume.unflatten(4, (width, 2)).unflatten(3, (height, 2)).unflatten(2, (depth, 2))
    return parts.permute(0, 1, 3, 5, 7, 2, 4, 6).flatten(1, 4)

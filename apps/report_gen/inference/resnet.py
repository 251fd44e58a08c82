"""A 3D residual network of 18 layers and the pyramid on it (He et al., 2015; Lin et al., 2016)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(inner, outer, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm3d(outer)
        self.second = nn.Conv3d(outer, outer, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm3d(outer)
        self.around: nn.Module = nn.Identity()
        if stride != 1 or inner != outer:
            self.around = nn.Sequential(
                nn.Conv3d(inner, outer, 1, stride, bias=False), nn.BatchNorm3d(outer)
            )

    def forward(self, x: Tensor) -> Tensor:
        """[B, outer, D / stride, H / stride, W / stride]."""
        inside = F.relu(self.first_norm(self.first(x)), inplace=True)
        return F.relu(self.second_norm(self.second(inside)) + self.around(x), inplace=True)


class ResNet(nn.Module):
    """Feature maps at a half, a quarter, an eighth and a sixteenth of the volume's edge."""

    def __init__(self, windows: int, stages: tuple[int, ...], blocks: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(windows, stages[0], 3, 2, 1, bias=False),
            nn.BatchNorm3d(stages[0]),
            nn.ReLU(inplace=True),
        )
        made, inner = [], stages[0]
        for number, outer in enumerate(stages):
            first = Block(inner, outer, 1 if number == 0 else 2)
            made.append(nn.Sequential(first, *(Block(outer, outer, 1) for _ in range(blocks - 1))))
            inner = outer
        self.stages = nn.ModuleList(made)
        self.saving = False
        """Whether activations are computed again in the backward pass instead of kept."""

    def forward(self, x: Tensor) -> list[Tensor]:
        """Four maps, the finest first."""
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            if self.saving and self.training and torch.is_grad_enabled():
                x = checkpoint(stage, x, use_reentrant=False)
            else:
                x = stage(x)
            maps.append(x)
        return maps


class Pyramid(nn.Module):
    """From the coarsest map to the finest, adding each on the way."""

    def __init__(self, stages: tuple[int, ...], width: int, fine: int) -> None:
        super().__init__()
        out = [fine, fine, min(64, stages[2]), min(64, stages[3])]
        self.sides = nn.ModuleList(
            nn.Conv3d(width if level == 3 else stage, out[level], 1)
            for level, stage in enumerate(stages)
        )
        self.down = nn.ModuleList(nn.Conv3d(out[level + 1], out[level], 1) for level in range(3))
        self.blend = nn.ModuleList(
            nn.Sequential(
                nn.Conv3d(out[level], out[level], 3, 1, 1, bias=False),
                nn.BatchNorm3d(out[level]),
                nn.ReLU(inplace=True),
            )
            for level in range(3)
        )

    def forward(self, maps: list[Tensor], top: Tensor) -> Tensor:
        """[B, fine, D / 2, H / 2, W / 2] of three maps and, in place of the fourth, `top`."""
        x = self.sides[3](top)
        for level in (2, 1, 0):
            x = F.interpolate(self.down[level](x), size=maps[level].shape[2:], mode="trilinear")
            x = self.blend[level](x + self.sides[level](maps[level]))
        return x

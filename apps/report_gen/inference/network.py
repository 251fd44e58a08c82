"""The network that reads the volume: states, sides, centres, masks and lobes.

It takes the image alone: no clinical text can reach a finding.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from apps.report_gen.findings import FOCAL, KEYS
from apps.report_gen.inference.detail import Detail
from apps.report_gen.inference.evidence import evidence, first_weights
from apps.report_gen.inference.resnet import Pyramid, ResNet
from apps.report_gen.inference.shape import WINDOWS, Shape
from core_kernels.modules.gated_attention import GatedAttention

LOBES = 5
CONTEXT = 32
"""Numbers that a verdict takes from what its finding's query gathered."""
AIR_FROM, AIR_TO = 0.2, 0.4
"""Of the lung window, 0 to 1: from -1050 to -750 HU, where emphysema and a pneumothorax differ from
a lung by less than a tenth of the window."""


class Seen(NamedTuple):
    """What the network makes of volumes; all at half of their edge but the first three.

    Attributes:
        states: logits [B, K] of presence.
        sides: logits [B, K, 2] of lying on the right and on the left.
        features: [B, K, width], what each finding's query gathered: for the writing.
        heat: logits [B, focal kinds, D, H, W] of centres.
        offsets: [B, 3, D, H, W], from the voxel to the centre, in voxels.
        masks: logits [B, K, D, H, W].
        lobes: logits [B, 6, D, H, W]; the first is none.
        fine: [B, fine, D, H, W], for `Outline`.
    """

    states: Tensor
    sides: Tensor
    features: Tensor
    heat: Tensor
    offsets: Tensor
    masks: Tensor
    lobes: Tensor
    fine: Tensor


class TokenBlock(nn.Module):
    """Gated attention among tokens, then a feed-forward block; normalised before each."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm, self.inner_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = GatedAttention(width, heads)
        self.inner = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, L, width]."""
        x = x + self.attention(self.attention_norm(x))
        return x + self.inner(self.inner_norm(x))


class Outline(nn.Module):
    """The outline of a small lesion at full resolution, in a cube around its centre."""

    def __init__(self, fine: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv3d(len(WINDOWS) + fine, 32, 3, 1, 1), nn.ReLU(inplace=True),
            nn.Conv3d(32, 32, 3, 1, 1), nn.ReLU(inplace=True), nn.Conv3d(32, 1, 1),
        )  # fmt: skip

    def forward(self, volume: Tensor, fine: Tensor) -> Tensor:
        """Logits [N, C, C, C] of cubes [N, windows, C, C, C] and [N, fine, C/2, C/2, C/2]."""
        fine = F.interpolate(fine, size=volume.shape[2:], mode="trilinear")
        made: Tensor = self.layers(torch.cat([volume, fine.to(volume.dtype)], 1))
        return made[:, 0]


class ImageNetwork(nn.Module):
    """Residual network, tokens, pyramid and heads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width, count = shape.width, len(KEYS)
        # The windows and, seen closer, what is thinner than a lung.
        self.body = ResNet(len(WINDOWS) + 1, shape.stages, shape.blocks)
        self.to_tokens = nn.Conv3d(shape.stages[3], width, 1)
        self.places = nn.ParameterList(
            nn.Parameter(torch.randn(size // 16, width) * 0.02) for size in shape.grid
        )
        self.blocks = nn.ModuleList(
            TokenBlock(width, shape.heads) for _ in range(shape.token_layers)
        )
        self.tokens_norm = nn.LayerNorm(width)
        self.queries = nn.Parameter(torch.randn(count, width) * 0.5)
        self.gather = GatedAttention(width, shape.heads, cross=True)
        self.pyramid = Pyramid(shape.stages, width, shape.fine)
        self.detail = Detail(shape.fine, shape.detail) if shape.detail else None
        self.outline = Outline(shape.fine)
        told_from = shape.fine + shape.detail
        self.heat = nn.Conv3d(told_from, len(FOCAL), 1)
        self.offsets = nn.Conv3d(told_from, 3, 1)
        self.masks = nn.Conv3d(told_from, count, 1)
        self.lobes = nn.Conv3d(told_from, LOBES + 1, 1)
        self.head = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 128), nn.GELU(), nn.Linear(128, CONTEXT)
        )
        # Rows: state, right, left of each finding in turn; so int8 scales each by itself.
        self.weighed_evidence = nn.Parameter(first_weights())
        self.weighed_context = nn.Parameter(torch.randn(3 * count, CONTEXT) * 0.02)
        self.verdict_bias = nn.Parameter(torch.zeros(count, 3))
        # Centres and masks are rare: begin by saying so.
        nn.init.constant_(self._bias(self.heat), -4.6)
        nn.init.constant_(self._bias(self.masks), -3.5)

    @staticmethod
    def _bias(layer: nn.Conv3d) -> Tensor:
        if layer.bias is None:
            raise TypeError("A head without a bias cannot begin with a rare answer.")
        return layer.bias

    def forward(self, x: Tensor) -> Seen:
        """What is in volumes [B, windows, D, H, W]."""
        maps = self.body(with_air(x))
        top = self.to_tokens(maps[3])
        z, y, xs = self.places
        where = z[:, None, None] + y[None, :, None] + xs[None, None]
        tokens = top.flatten(2).transpose(1, 2) + where.flatten(0, 2)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.tokens_norm(tokens)
        top = tokens.transpose(1, 2).reshape(top.shape)
        fine = self.pyramid(maps[:3], top)
        close = fine if self.detail is None else torch.cat([fine, self.detail(x, fine)], 1)
        masks, heat = self.masks(close), self.heat(close)
        queries = self.queries.expand(len(x), -1, -1).to(tokens.dtype)
        features = queries + self.gather(queries, tokens)
        said = self.verdict(evidence(masks, heat), self.head(features).float())
        return Seen(
            states=said[..., 0], sides=said[..., 1:], features=features, heat=heat,
            offsets=self.offsets(close), masks=masks, lobes=self.lobes(close), fine=fine,
        )  # fmt: skip

    def verdict(self, seen: Tensor, context: Tensor) -> Tensor:
        """Logits [B, K, 3] of being there, right and left, of what `evidence` told [B, K, EVIDENCE]
        and the attention gathered [B, K, CONTEXT]."""
        rows = (-1, 3)
        weights = self.weighed_evidence.float().unflatten(0, rows)
        more = self.weighed_context.float().unflatten(0, rows)
        # Products and sums, not a matrix product: autocast leaves these in fp32.
        said = (weights * seen[:, :, None]).sum(3) + (more * context[:, :, None]).sum(3)
        return said + self.verdict_bias.float()


def with_air(x: Tensor) -> Tensor:
    """Windows [B, windows, D, H, W] and behind them the thin end of the lung window, 0 to 1."""
    return torch.cat([x, ((x[:, :1] - AIR_FROM) / (AIR_TO - AIR_FROM)).clamp(0, 1)], 1)


def cubes(
    source: Tensor, which: list[int], corners: list[tuple[int, int, int]], edge: int
) -> Tensor:
    """Cubes [N, C, edge, edge, edge] of `source` [B, C, D, H, W], zero beyond it."""
    made = []
    for number, corner in zip(which, corners, strict=True):
        low = [max(0, at) for at in corner]
        high = [min(at + edge, size) for at, size in zip(corner, source.shape[2:], strict=True)]
        part = source[number, :, low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        pad = []
        for axis in (2, 1, 0):
            pad += [low[axis] - corner[axis], corner[axis] + edge - high[axis]]
        made.append(F.pad(part, pad))
    return torch.stack(made)


def corner_of(centre: tuple[float, float, float], edge: int) -> tuple[int, int, int]:
    """The even corner of a cube of an even edge around a voxel: halving keeps its place."""
    z, y, x = (2 * (round(at) // 2) - 2 * (edge // 4) for at in centre)
    return z, y, x


def windowed(hu: Tensor) -> Tensor:
    """Windows [B, windows, D, H, W], 0 to 1, of HU [B, D, H, W]: `volume_prepare` in place."""
    return torch.stack(
        [((hu - (centre - width / 2)) / width).clamp(0, 1) for centre, width in WINDOWS], 1
    )

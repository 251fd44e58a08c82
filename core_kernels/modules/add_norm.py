"""`AddNorm`: the residual connection and the normalisation after it as one layer."""

import torch
from torch import Tensor, nn

from core_kernels.dispatch.add_norm import add_norm


class AddNorm(nn.Module):
    """``normed, sum = layer(x, residual)`` over the last dimension, `width` wide."""

    def __init__(
        self, width: int, *, eps: float = 1e-5, rms: bool = False, bias: bool = True
    ) -> None:
        super().__init__()
        self.eps, self.rms = eps, rms
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias and not rms else None

    def forward(self, x: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
        """Both [..., width] in the dtype of `x`."""
        return add_norm(x, residual, self.weight, self.bias, eps=self.eps, rms=self.rms)

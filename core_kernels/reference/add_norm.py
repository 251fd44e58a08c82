"""Residual addition and normalisation, the formula and its gradient.

LayerNorm: Ba, Kiros and Hinton, 2016, arXiv:1607.06450. RMSNorm: Zhang and Sennrich, 2019,
arXiv:1910.07467.
"""

import torch
from torch import Tensor


def add_norm(
    x: Tensor, residual: Tensor, weight: Tensor, bias: Tensor | None, eps: float, rms: bool,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """``sum = x + residual``; ``normed = (sum − mean) / sqrt(var + eps) · weight + bias``.

    With `rms`, ``normed = sum / sqrt(mean(sum²) + eps) · weight + bias``. The statistics are taken
    over the last dimension of the sum as it is stored, that is, rounded to the dtype of `x`.

    Args:
        x, residual: [..., D].
        weight: [D].
        bias: [D] or None.
        keep: a gradient will be asked for.

    Returns:
        normed and sum, both [..., D] in the dtype of `x`; and what the gradient needs of each row,
        in at least fp32: the mean (0 with `rms`) and the reciprocal deviation, both [rows], or [0]
        without `keep`.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    total = (x.to(wide) + residual.to(wide)).to(x.dtype)
    values = total.to(wide)
    mean = torch.zeros_like(values[..., :1]) if rms else values.mean(-1, keepdim=True)
    scale = torch.rsqrt((values - mean).square().mean(-1, keepdim=True) + eps)
    normed = (values - mean) * scale * weight.to(wide)
    if bias is not None:
        normed = normed + bias.to(wide)
    kept = [part.reshape(-1) if keep else part.new_empty(0) for part in (mean, scale)]
    return normed.to(x.dtype), total, kept[0], kept[1]


def add_norm_backward(
    d_normed: Tensor, d_total: Tensor | None, total: Tensor, weight: Tensor, mean: Tensor,
    scale: Tensor, bias: bool, rms: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of the sum [..., D], the weight [D] and the bias [D] (zeros without `bias`).

    With ``n = (sum − mean) · scale`` and ``g = d_normed · weight``:
    ``d_sum = (g − n · mean(g · n) − mean(g)) · scale + d_total``, without ``mean(g)`` for RMSNorm;
    `d_total` None means that nothing depends on the sum.
    """
    wide = torch.promote_types(total.dtype, torch.float32)
    flat = (total.shape[:-1].numel(), total.shape[-1])
    unit = (total.to(wide).reshape(flat) - mean[:, None]) * scale[:, None]
    given = d_normed.to(wide).reshape(flat)
    scaled = given * weight.to(wide)
    d_sum = scaled - unit * (scaled * unit).mean(-1, keepdim=True)
    if not rms:
        d_sum = d_sum - scaled.mean(-1, keepdim=True)
    d_sum = d_sum * scale[:, None]
    if d_total is not None:
        d_sum = d_sum + d_total.to(wide).reshape(flat)
    d_bias = given.sum(0) if bias else torch.zeros_like(weight, dtype=wide)
    return (
        d_sum.reshape(total.shape).to(total.dtype),
        (given * unit).sum(0).to(weight.dtype),
        d_bias.to(weight.dtype),
    )

"""Residual addition and normalisation by torch's own kernels: the path for a CPU."""

import torch
from torch import Tensor


def add_norm(
    x: Tensor, residual: Tensor, weight: Tensor, bias: Tensor | None, eps: float, rms: bool,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference."""
    total = (x + residual).contiguous()
    nothing = total.new_empty(0, dtype=torch.promote_types(x.dtype, torch.float32))
    if not rms:
        normed, mean, scale = torch.native_layer_norm(total, x.shape[-1:], weight, bias, eps)
        if keep:
            return normed, total, mean.reshape(-1), scale.reshape(-1)
    elif keep:
        scale = torch.rsqrt(total.square().mean(-1, keepdim=True) + eps)
        normed = (total * scale).mul_(weight)
        if bias is not None:
            normed += bias
        return normed, total, torch.zeros_like(scale).reshape(-1), scale.reshape(-1)
    else:
        normed = torch.rms_norm(total, x.shape[-1:], weight, eps)
        if bias is not None:
            normed += bias
    return normed, total, nothing, torch.empty_like(nothing)


def add_norm_backward(
    d_normed: Tensor, d_total: Tensor | None, total: Tensor, weight: Tensor, mean: Tensor,
    scale: Tensor, bias: bool, rms: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference."""
    rows = (*total.shape[:-1], 1)
    if rms or not total.numel():
        unit = total * scale.view(rows)
        scaled = d_normed * weight
        d_sum = torch.addcmul(scaled, unit, (scaled * unit).mean(-1, keepdim=True), value=-1)
        d_sum *= scale.view(rows)
        leading = tuple(range(total.dim() - 1))
        d_weight, d_bias = ((d_normed * unit).sum(leading), d_normed.sum(leading))
    else:
        d_sum, d_weight, d_bias = torch.ops.aten.native_layer_norm_backward(
            d_normed, total, total.shape[-1:], mean.view(rows), scale.view(rows), weight,
            torch.zeros_like(weight), [True, True, True],
        )  # fmt: skip
    if d_total is not None:
        d_sum += d_total
    return d_sum, d_weight, d_bias if bias else torch.zeros_like(weight)

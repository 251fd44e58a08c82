"""Attention of one query per sequence to a cache of keys and values, the formula."""

import torch
from torch import Tensor

from core_kernels.errors import ArgumentRefused


def decode_attention(
    q: Tensor, keys: Tensor, values: Tensor, lengths: Tensor, gate: Tensor | None,
    key_scales: Tensor | None, value_scales: Tensor | None, scale: float, shut: float,
) -> Tensor:  # fmt: skip
    """``out = softmax(q kᵀ · scale) v · sigmoid(gate)`` over the first `lengths` rows of the cache.

    Args:
        q: [B, H, D].
        keys, values: [B, G, S, D], G divides H: heads of a group share them; of q's dtype, or int8
            with `key_scales`, `value_scales` [B, G, S]: a row is its int8 row times its scale.
        lengths: int32 or int64 [B]; 0 gives 0.
        gate: logits [B, H, 1] or [B, H, D], or None for always open; below `shut` it counts as 0.

    Returns:
        [B, H, D] in the dtype of `q`, contiguous.
    """
    wide = torch.promote_types(q.dtype, torch.float32)
    group = q.shape[1] // keys.shape[1]
    k = _rows(keys, key_scales, wide).repeat_interleave(group, 1)
    v = _rows(values, value_scales, wide).repeat_interleave(group, 1)
    scores = torch.einsum("bhd,bhsd->bhs", q.to(wide), k) * scale
    there = torch.arange(keys.shape[2], device=q.device) < lengths[:, None]
    scores = scores.masked_fill(~there[:, None], float("-inf"))
    # Without any key every weight would be not a number.
    weights = torch.softmax(scores, -1).masked_fill(~there[:, None], 0.0)
    out = torch.einsum("bhs,bhsd->bhd", weights, v.masked_fill(~there[:, None, :, None], 0.0))
    if gate is not None:
        opened = torch.sigmoid(gate.to(wide))
        out = out * torch.where(opened < shut, torch.zeros_like(opened), opened)
    return out.to(q.dtype).contiguous()


def _rows(cache: Tensor, scales: Tensor | None, wide: torch.dtype) -> Tensor:
    return cache.to(wide) if scales is None else cache.to(wide) * scales.to(wide)[..., None]


def quantised(rows: Tensor) -> tuple[Tensor, Tensor]:
    """int8 rows and their scales in fp32: ``rows ≈ int8 · scale``, the largest of a row is ±127.

    Raises:
        ArgumentRefused: `rows` is no floating-point tensor.
    """
    if not rows.is_floating_point():
        raise ArgumentRefused(f"rows are {rows.dtype}; give floating point to quantise.")
    wide = rows.float()
    scales = wide.abs().amax(-1) / 127
    steps = torch.where(scales == 0, torch.ones_like(scales), scales)
    return torch.round(wide / steps[..., None]).to(torch.int8), scales

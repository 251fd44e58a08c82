"""Attention to a cache by torch's own attention: the path for a CPU.

Only the rows that count are touched: in one call where all sequences are of one length, else in one
for each.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def decode_attention(
    q: Tensor, keys: Tensor, values: Tensor, lengths: Tensor, gate: Tensor | None,
    key_scales: Tensor | None, value_scales: Tensor | None, scale: float, shut: float,
) -> Tensor:  # fmt: skip
    """As the reference."""
    batch, heads, width = q.shape
    # Heads that share keys are queries of one head.
    grouped = q.reshape(batch, keys.shape[1], heads // keys.shape[1], width)
    out = torch.zeros_like(grouped, memory_format=torch.contiguous_format)
    told = [min(length, keys.shape[2]) for length in lengths.tolist()]
    same = len(set(told)) == 1
    for part in [slice(None)] if same else [slice(one, one + 1) for one in range(batch)]:
        length = told[part.start or 0]
        if length > 0 and q.numel():
            k = _rows(keys[part, :, :length], key_scales, part, q.dtype)
            v = _rows(values[part, :, :length], value_scales, part, q.dtype)
            out[part] = F.scaled_dot_product_attention(grouped[part], k, v, scale=scale)
    out = out.reshape(batch, heads, width)
    if gate is not None:
        opened = torch.sigmoid(gate.to(torch.promote_types(gate.dtype, torch.float32)))
        out *= opened.masked_fill_(opened < shut, 0.0)
    return out


def _rows(cache: Tensor, scales: Tensor | None, part: slice, dtype: torch.dtype) -> Tensor:
    if scales is None:
        return cache
    return cache.to(dtype).mul_(scales[part, :, : cache.shape[2], None])

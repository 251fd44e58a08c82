"""Gated attention by torch's own attention: the path for a CPU.

Heads that are shut for a whole sequence are left out of the products.
"""

import torch
from torch import Tensor

_forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def gated_attention(
    q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None, causal: bool, scale: float,
    shut: float, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference."""
    batch, heads, queries, width = q.shape
    wide = torch.promote_types(q.dtype, torch.float32)
    attended = q.new_zeros(batch, queries, heads, width).transpose(1, 2)
    sums = q.new_full((batch, heads, queries), float("inf"), dtype=wide)
    opened = _opened(gate, shut)
    if q.numel() and k.numel():
        bias = _bias(mask, q.dtype)
        awake = opened.amax((2, 3)) != 0 if shut > 0 else None  # not a number is awake
        if awake is None or awake.all():
            attended, sums = _forward(q, k, v, 0.0, causal, attn_mask=bias, scale=scale)
            sums = sums.contiguous()
        elif awake.any():
            given = [part[awake].unsqueeze(1) for part in (q, k, v)]
            some = None if bias is None else bias[awake].unsqueeze(1)
            found, found_sums = _forward(*given, 0.0, causal, attn_mask=some, scale=scale)
            attended[awake], sums[awake] = found.squeeze(1), found_sums.squeeze(1)
    out = attended * opened
    if not keep:
        return out, q.new_empty(0), sums.new_empty(0)
    return out, attended, sums


def _opened(gate: Tensor, shut: float) -> Tensor:
    """The gate's opening; rounded to its dtype only after the comparison, as everywhere."""
    opened = torch.sigmoid(gate.to(torch.promote_types(gate.dtype, torch.float32)))
    if shut > 0:
        opened = opened.masked_fill_(opened < shut, 0.0)
    return opened.to(gate.dtype)


def _bias(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """The mask as torch's attention for a CPU adds it."""
    if mask is None:
        return None
    return torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, float("-inf"))


def gated_attention_backward(
    d_out: Tensor, q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None,
    attended: Tensor, sums: Tensor, causal: bool, scale: float, shut: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference."""
    d_attended, d_gate = _through_gate(d_out, gate, attended, shut)
    if not (q.numel() and k.numel()):
        return torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v), d_gate
    d_q, d_k, d_v = _backward(
        d_attended, q, k, v, attended, sums, 0.0, causal, attn_mask=_bias(mask, q.dtype),
        scale=scale,
    )  # fmt: skip
    return _like(d_q, q), _like(d_k, k), _like(d_v, v), d_gate


def _through_gate(
    d_out: Tensor, gate: Tensor, attended: Tensor, shut: float
) -> tuple[Tensor, Tensor]:
    """Gradients of attention before its gate, and of the gate's logits."""
    opened = _opened(gate, shut)
    d_gate = d_out * attended
    if gate.shape[-1] == 1:
        d_gate = d_gate.sum(-1, keepdim=True)
    d_gate = _like(d_gate * (opened * (1 - opened)), gate)
    return d_out * opened, d_gate


def _like(found: Tensor, given: Tensor) -> Tensor:
    """`found` in dtype and memory as a new tensor like `given`."""
    wanted = torch.empty_like(given)
    if found.dtype == wanted.dtype and found.stride() == wanted.stride():
        return found
    return wanted.copy_(found)

"""Attention with a sigmoid gate on its output, the formula and its gradient.

Attention: Vaswani et al., 2017, arXiv:1706.03762. A gate after it, per head or per channel: Qiu et
al., 2025, arXiv:2505.06708.
"""

import torch
from torch import Tensor


def opening(gate: Tensor, shut: float, wide: torch.dtype) -> Tensor:
    """``sigmoid(gate)``, and exactly 0 where that is below `shut`."""
    opened = torch.sigmoid(gate.to(wide))
    return torch.where(opened < shut, torch.zeros_like(opened), opened)


def _weights(
    q: Tensor, k: Tensor, mask: Tensor | None, causal: bool, scale: float
) -> tuple[Tensor, Tensor]:
    """Attention's weights [B, H, L, S] and the logarithm of each row's sum [B, H, L]."""
    scores = torch.matmul(q, k.transpose(-1, -2)) * scale
    if causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(later, float("-inf"))
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    sums = torch.logsumexp(scores, -1)
    # Where nothing takes part every weight is 0, and so is the answer.
    sums = torch.where(torch.isneginf(sums), torch.full_like(sums, float("inf")), sums)
    return torch.exp(scores - sums[..., None]), sums


def gated_attention(
    q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None, causal: bool, scale: float,
    shut: float, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """``out = softmax(q kᵀ · scale + mask) v · sigmoid(gate)``.

    Args:
        q: [B, H, L, D].
        k, v: [B, H, S, D].
        gate: logits [B, H, L, 1] or [B, H, L, D].
        mask: bool, expands to [B, H, L, S]; True takes part.
        causal: query i attends to the keys up to i.
        shut: gates below it count as 0.
        keep: a gradient will be asked for.

    Returns:
        out [B, H, L, D] in the dtype of `q`; and what the gradient needs: the attention before its
        gate, of the same shape, and the logarithm of each row's sum [B, H, L] in at least fp32,
        infinite where nothing took part. Both [0] without `keep`. Where a gate is shut they may
        hold 0 and infinity instead.
    """
    wide = torch.promote_types(q.dtype, torch.float32)
    weights, sums = _weights(q.to(wide), k.to(wide), mask, causal, scale)
    attended = torch.matmul(weights, v.to(wide))
    out = attended * opening(gate, shut, wide)
    if not keep:
        return laid_out(out.to(q.dtype)), q.new_empty(0), sums.new_empty(0)
    return laid_out(out.to(q.dtype)), laid_out(attended.to(q.dtype)), sums


def laid_out(heads: Tensor) -> Tensor:
    """[B, H, L, D] with the heads of a position side by side in memory."""
    return heads.transpose(1, 2).contiguous().transpose(1, 2)


def gated_attention_backward(
    d_out: Tensor, q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None,
    attended: Tensor, sums: Tensor, causal: bool, scale: float, shut: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of q, k, v and gate, each laid out in memory as its argument.

    With ``g = sigmoid(gate)``: ``d_gate = g (1 − g) · d_out · attended``, summed over D for a gate
    per head; the gradient of attention itself gets ``d_out · g``. A shut gate passes none.
    """
    wide = torch.promote_types(q.dtype, torch.float32)
    given, opened = d_out.to(wide), opening(gate, shut, wide)
    d_gate = given * attended.to(wide) * opened * (1 - opened)
    if gate.shape[-1] == 1:
        d_gate = d_gate.sum(-1, keepdim=True)
    queries, keys, values = q.to(wide), k.to(wide), v.to(wide)
    weights, _ = _weights(queries, keys, mask, causal, scale)
    d_attended = given * opened
    d_v = torch.matmul(weights.transpose(-1, -2), d_attended)
    d_weights = torch.matmul(d_attended, values.transpose(-1, -2))
    d_scores = weights * (d_weights - (weights * d_weights).sum(-1, keepdim=True)) * scale
    d_q = torch.matmul(d_scores, keys)
    d_k = torch.matmul(d_scores.transpose(-1, -2), queries)
    pairs = ((d_q, q), (d_k, k), (d_v, v), (d_gate, gate))
    return tuple(torch.empty_like(like).copy_(part) for part, like in pairs)  # type: ignore[return-value]

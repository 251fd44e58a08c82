"""Gated attention, backward: one kernel takes the gradient through the gate, torch's own attention
goes on from there with what the forward pass kept.
"""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _through_gate(
    d_out, attended, gate, d_attended, d_gate,
    out_batch, out_head, out_step, out_dim, gate_batch, gate_head, gate_step, gate_dim,
    heads, queries, width, rows, shut,
    CHANNEL: tl.constexpr, DIM: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    # Rows in the order of memory: batch, query, head.
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    head = row % heads
    query = row // heads % queries
    batch = row // heads // queries
    dim = tl.arange(0, DIM)
    there = row < rows
    inside = there[:, None] & (dim < width)[None, :]
    at = row[:, None] * width + dim[None, :]
    from_out = batch * out_batch + head * out_head + query * out_step
    given = tl.load(d_out + from_out[:, None] + dim[None, :] * out_dim, inside, 0.0)
    given = given.to(tl.float32)
    before = tl.load(attended + at, inside, 0.0).to(tl.float32)
    from_gate = batch * gate_batch + head * gate_head + query * gate_step
    # Gradients of the gate lie as [B, H, L, 1 or D].
    to_gate = (batch * heads + head) * queries + query
    if CHANNEL:
        logits = tl.load(gate + from_gate[:, None] + dim[None, :] * gate_dim, inside, 0.0)
        opened = 1.0 / (1.0 + tl.exp2(-logits.to(tl.float32) * 1.4426950408889634))
        opened = tl.where(opened < shut, 0.0, opened)
        answer = given * before * opened * (1.0 - opened)
        to = to_gate[:, None] * width + dim[None, :]
        tl.store(d_gate + to, answer.to(d_gate.dtype.element_ty), inside)
    else:
        logits = tl.load(gate + from_gate, there, 0.0).to(tl.float32)
        opened = 1.0 / (1.0 + tl.exp2(-logits * 1.4426950408889634))
        opened = tl.where(opened < shut, 0.0, opened)
        answer = tl.sum(given * before, 1) * opened * (1.0 - opened)
        tl.store(d_gate + to_gate, answer.to(d_gate.dtype.element_ty), there)
        opened = opened[:, None]
    tl.store(d_attended + at, (given * opened).to(d_attended.dtype.element_ty), inside)


def _gate_gradient(
    d_out: Tensor, gate: Tensor, attended: Tensor, shut: float
) -> tuple[Tensor, Tensor]:
    """Gradients of attention before its gate, laid out as `attended`, and of the gate's logits."""
    batch, heads, queries, width = attended.shape
    d_attended = torch.empty_like(attended)
    d_gate = torch.empty(gate.shape, dtype=gate.dtype, device=gate.device)
    rows = batch * heads * queries
    dim = triton.next_power_of_2(max(width, 1))
    per_program = max(1, 4096 // dim)
    if attended.numel():
        _through_gate[(triton.cdiv(rows, per_program),)](
            d_out, attended, gate, d_attended, d_gate, *d_out.stride(), *gate.stride(),
            heads, queries, width, rows, shut,
            CHANNEL=gate.shape[-1] != 1, DIM=dim, ROWS=per_program, num_warps=8,
        )  # fmt: skip
    wanted = torch.empty_like(gate)
    if wanted.stride() != d_gate.stride():
        d_gate = wanted.copy_(d_gate)
    return d_attended, d_gate


def flash_backward(
    d_out: Tensor, q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None,
    attended: Tensor, sums: Tensor, causal: bool, scale: float, shut: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference, by torch's flash attention; on CUDA in fp16 and bf16, without a mask."""
    d_attended, d_gate = _gate_gradient(d_out, gate, attended, shut)
    nothing = torch.empty(2, dtype=torch.int64, device=q.device)  # no dropout reads no seed
    found = torch.ops.aten._scaled_dot_product_flash_attention_backward(
        d_attended, *map(aligned, (q, k, v)), attended, sums, None, None, q.shape[2],
        k.shape[2], 0.0, causal, nothing, nothing, scale=scale,
    )  # fmt: skip
    return *_laid_as(found, (q, k, v)), d_gate


def cudnn_backward(
    d_out: Tensor, q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None,
    attended: Tensor, sums: Tensor, causal: bool, scale: float, shut: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference, by cuDNN's attention; on CUDA in fp16 and bf16, without a mask."""
    d_attended, d_gate = _gate_gradient(d_out, gate, attended, shut)
    nothing = torch.zeros((), dtype=torch.int64, device=q.device)
    found = torch.ops.aten._scaled_dot_product_cudnn_attention_backward(
        d_attended, *map(aligned, (q, k, v)), attended, sums.unsqueeze(-1), nothing, nothing,
        None, None, None, q.shape[2], k.shape[2], 0.0, causal, scale=scale,
    )  # fmt: skip
    return *_laid_as(found, (q, k, v)), d_gate


def efficient_backward(
    d_out: Tensor, q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None,
    attended: Tensor, sums: Tensor, causal: bool, scale: float, shut: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference, by torch's memory-efficient attention run a second time; on CUDA."""
    d_attended, d_gate = _gate_gradient(d_out, gate, attended, shut)
    # A row in which nothing took part has weights all the same; it must not pass them on.
    d_attended = d_attended.masked_fill_(torch.isinf(sums)[..., None], 0.0)
    bias = None if mask is None else _bias(mask, q.dtype)
    forward = torch.ops.aten._scaled_dot_product_efficient_attention
    own = [aligned(part) for part in (q, k, v)]
    again, again_sums, seed, offset = forward(*own, bias, True, 0.0, causal, scale=scale)
    *found, _ = torch.ops.aten._scaled_dot_product_efficient_attention_backward(
        d_attended, *own, bias, again, again_sums, seed, offset, 0.0,
        [True, True, True, False], causal, scale=scale,
    )  # fmt: skip
    return *_laid_as(found, (q, k, v)), d_gate


def aligned(part: Tensor) -> Tensor:
    """The same with every row at a multiple of 16 bytes: aten's kernels ask for it, and what is
    handed to them directly is not looked at. A view into a wider row may lie anywhere."""
    step = 16 // part.element_size()
    fits = part.data_ptr() % 16 == 0 and all(each % step == 0 for each in part.stride()[:-1])
    return part if fits and part.stride(-1) == 1 else part.contiguous()


def _bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """The mask as that attention adds it: finite, its rows aligned to 16 elements."""
    aligned = -(-mask.shape[-1] // 16) * 16
    bias = torch.zeros((*mask.shape[:-1], aligned), dtype=dtype, device=mask.device)
    bias = bias[..., : mask.shape[-1]]
    return bias.masked_fill_(~mask, torch.finfo(dtype).min / 2)


def _laid_as(found: Sequence[Tensor], given: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients in the memory format of what they are gradients of."""
    answer = []
    for part, like in zip(found, given, strict=True):
        wanted = torch.empty_like(like)
        answer.append(part if part.stride() == wanted.stride() else wanted.copy_(part))
    return answer[0], answer[1], answer[2]

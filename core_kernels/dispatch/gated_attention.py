"""`gated_attention`: attention whose output passes a sigmoid gate, forward and backward."""

import torch
from torch import Tensor

from core_kernels.dispatch.capabilities import Capabilities
from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.registry import Facts, Implementation, needs_triton, register
from core_kernels.errors import ArgumentRefused

#: The widest head that the Triton kernel holds.
WIDEST = 256
#: The widest head whose gradients cuDNN makes on every device that has them.
_CUDNN_WIDEST = 128

_HALVES = (torch.float16, torch.bfloat16)


def _triton_objection(facts: Facts, able: Capabilities) -> str | None:
    if "wide" in facts.traits:
        return f"heads are wider than {WIDEST}"
    if facts.dtype not in (*_HALVES, torch.float32):
        return f"it does not take {facts.dtype}"
    return needs_triton(facts, able)


def _flash_objection(facts: Facts, able: Capabilities) -> str | None:
    if facts.dtype not in _HALVES:
        return f"it does not take {facts.dtype}"
    if "mask" in facts.traits:
        return "it takes no mask"
    if "odd" in facts.traits:
        return "heads are no multiple of 8 wide"
    return _triton_objection(facts, able)


def _cudnn_objection(facts: Facts, able: Capabilities) -> str | None:
    if "broad" in facts.traits:
        return f"heads are wider than {_CUDNN_WIDEST}"
    return _flash_objection(facts, able)


def _add(operation: str, name: str, run: str, rank: int, **more: object) -> None:
    register(Implementation(operation=operation, name=name, run=run, rank=rank, **more))  # type: ignore[arg-type]


def _efficient_objection(facts: Facts, able: Capabilities) -> str | None:
    if facts.dtype not in (*_HALVES, torch.float32):
        return f"it does not take {facts.dtype}"
    return "heads are no multiple of 8 wide" if "odd" in facts.traits else needs_triton(facts, able)


_TRITON = "core_kernels.triton_ops.gated_attention"
_CPU = "core_kernels.cpu_ops.gated_attention"
_REFERENCE = "core_kernels.reference.gated_attention"
_ONLY_CPU, _ONLY_CUDA = frozenset({"cpu"}), frozenset({"cuda"})
_add("gated_attention", "triton", f"{_TRITON}:gated_attention", 10, objection=_triton_objection)
_add("gated_attention", "torch", f"{_CPU}:gated_attention", 5, devices=_ONLY_CPU)
_add("gated_attention", "reference", f"{_REFERENCE}:gated_attention", 0)
_add(
    "gated_attention_backward", "cudnn", f"{_TRITON}_backward:cudnn_backward", 12,
    devices=_ONLY_CUDA, objection=_cudnn_objection,
)  # fmt: skip
_add(
    "gated_attention_backward", "flash", f"{_TRITON}_backward:flash_backward", 10,
    devices=_ONLY_CUDA, objection=_flash_objection,
)  # fmt: skip
_add("gated_attention_backward", "torch", f"{_CPU}:gated_attention_backward", 5, devices=_ONLY_CPU)
_add(
    "gated_attention_backward", "efficient", f"{_TRITON}_backward:efficient_backward", 5,
    devices=_ONLY_CUDA, objection=_efficient_objection,
)  # fmt: skip
_add("gated_attention_backward", "reference", f"{_REFERENCE}:gated_attention_backward", 0)


def gated_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    gate: Tensor,
    mask: Tensor | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    shut: float = 0.0,
) -> Tensor:
    """``softmax(q kᵀ · scale) v · sigmoid(gate)``.

    Heads whose gates are all shut for a block of queries are not computed there.

    Args:
        q: [B, H, L, D].
        k, v: [B, H, S, D], dtype and device of `q`.
        gate: logits, per head [B, H, L, 1] or per channel [B, H, L, D], or what expands to that.
        mask: bool, expands to [B, H, L, S]; True takes part. Where none does the answer is 0.
        causal: query i attends to the keys up to i; needs L = S.
        scale: ``1 / √D`` by default.
        shut: a gate with a sigmoid below it counts as 0, exactly, and passes no gradient.

    Returns:
        [B, H, L, D] in the dtype of `q`, the heads of a position side by side in memory:
        ``out.transpose(1, 2).reshape(B, L, H * D)`` copies nothing.

    Raises:
        ArgumentRefused: shapes, dtypes or values do not fit together.
        NoImplementation: an implementation was asked for that cannot serve this call.
    """
    _check(q, k, v, causal, shut)
    batch, heads, queries, width = q.shape
    gate = _expanded("gate", gate, (batch, heads, queries, 1 if gate.shape[-1] == 1 else width))
    if mask is not None:
        if mask.dtype != torch.bool:
            raise ArgumentRefused(f"mask is {mask.dtype}; give torch.bool, True for what counts.")
        mask = _expanded("mask", mask, (batch, heads, queries, k.shape[2]))
    keep = torch.is_grad_enabled() and any(part.requires_grad for part in (q, k, v, gate))
    factor = width**-0.5 if scale is None else scale
    out: Tensor = _gated_attention(q, k, v, gate, mask, causal, factor, shut, keep)[0]
    return out


def _check(q: Tensor, k: Tensor, v: Tensor, causal: bool, shut: float) -> None:
    if q.dim() != 4 or k.shape != v.shape or k.dim() != 4:
        raise ArgumentRefused(
            f"q {list(q.shape)}, k {list(k.shape)} and v {list(v.shape)} must be [B, H, L, D], "
            "[B, H, S, D] and [B, H, S, D]."
        )
    if q.shape[:2] != k.shape[:2] or q.shape[3] != k.shape[3]:
        raise ArgumentRefused(
            f"q {list(q.shape)} and k {list(k.shape)} must agree in batch, heads and width."
        )
    if not q.dtype == k.dtype == v.dtype:
        raise ArgumentRefused(f"q, k and v are {q.dtype}, {k.dtype} and {v.dtype}; give one dtype.")
    if causal and q.shape[2] != k.shape[2]:
        raise ArgumentRefused(
            f"causal needs as many keys as queries, there are {k.shape[2]} and {q.shape[2]}; give "
            "a mask instead."
        )
    if not 0 <= shut < 1:
        raise ArgumentRefused(f"shut={shut} is a gate's value; give 0 (never) to below 1.")


def _expanded(name: str, given: Tensor, shape: tuple[int, ...]) -> Tensor:
    fits = given.dim() <= 4 and all(
        size in (1, wanted)
        for size, wanted in zip(reversed(given.shape), reversed(shape), strict=False)
    )
    if not fits:
        raise ArgumentRefused(
            f"{name} has shape {list(given.shape)}; give what expands to {list(shape)}."
        )
    return given.expand(shape)


def _facts(q: Tensor, mask: Tensor | None, train: bool) -> Facts:
    width = q.shape[-1]
    held = {
        "mask": mask is not None,
        "odd": width % 8 != 0,
        "broad": width > _CUDNN_WIDEST,
        "wide": width > WIDEST,
    }
    traits = frozenset(name for name, holds in held.items() if holds)
    return Facts(dtype=q.dtype, train=train, traits=traits)


@torch.library.custom_op("core_kernels::gated_attention", mutates_args=())
def _gated_attention(
    q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None, causal: bool, scale: float,
    shut: float, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    run = chosen("gated_attention", q.device, _facts(q, mask, keep))
    out, attended, sums = run(q, k, v, gate, mask, causal, scale, shut, keep)
    return out, attended, sums


@_gated_attention.register_fake
def _(
    q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None, causal: bool, scale: float,
    shut: float, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    batch, heads, queries, width = q.shape
    out = q.new_empty(batch, queries, heads, width).transpose(1, 2)
    wide = torch.promote_types(q.dtype, torch.float32)
    if not keep:
        return out, q.new_empty(0), q.new_empty(0, dtype=wide)
    return out, torch.empty_like(out), q.new_empty((batch, heads, queries), dtype=wide)


@torch.library.custom_op("core_kernels::gated_attention_backward", mutates_args=())
def _gated_attention_backward(
    d_out: Tensor, q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None,
    attended: Tensor, sums: Tensor, causal: bool, scale: float, shut: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    run = chosen("gated_attention_backward", q.device, _facts(q, mask, True))
    d_q, d_k, d_v, d_gate = run(d_out, q, k, v, gate, mask, attended, sums, causal, scale, shut)
    return d_q, d_k, d_v, d_gate


@_gated_attention_backward.register_fake
def _(
    d_out: Tensor, q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None,
    attended: Tensor, sums: Tensor, causal: bool, scale: float, shut: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v), torch.empty_like(gate)


def _remember(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    q, k, v, gate, mask, ctx.causal, ctx.scale, ctx.shut, _ = inputs
    _, attended, sums = output
    ctx.mark_non_differentiable(attended, sums)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(q, k, v, gate, mask, attended, sums)


def _backward(ctx, d_out, _attended, _sums):  # type: ignore[no-untyped-def]
    if d_out is None:
        return (None,) * 9
    q, k, v, gate, mask, attended, sums = ctx.saved_tensors
    found = _gated_attention_backward(
        d_out, q, k, v, gate, mask, attended, sums, ctx.causal, ctx.scale, ctx.shut
    )
    return *found, None, None, None, None, None


_gated_attention.register_autograd(_backward, setup_context=_remember)

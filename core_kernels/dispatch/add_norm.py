"""`add_norm`: residual addition with LayerNorm or RMSNorm in one pass, forward and backward."""

import torch
from torch import Tensor

from core_kernels.dispatch.capabilities import Capabilities
from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.registry import Facts, Implementation, needs_triton, register
from core_kernels.errors import ArgumentRefused

#: The widest row that one program of the Triton kernel holds.
WIDEST = 32768


def _triton_objection(facts: Facts, able: Capabilities) -> str | None:
    if "wide" in facts.traits:
        return f"rows are wider than {WIDEST}"
    if facts.dtype not in (torch.float16, torch.bfloat16, torch.float32):
        return f"it does not take {facts.dtype}"
    return needs_triton(facts, able)


def _torch_objection(facts: Facts, able: Capabilities) -> str | None:
    if "mixed" in facts.traits:
        return "x and weight have different dtypes"
    if facts.train and facts.dtype not in (torch.float32, torch.float64):
        return f"it would keep the rows' statistics in {facts.dtype}"
    return None


for _operation in ("add_norm", "add_norm_backward"):
    register(
        Implementation(
            operation=_operation,
            name="triton",
            triton=True,
            run=f"core_kernels.triton_ops.add_norm:{_operation}",
            rank=10,
            objection=_triton_objection,
        )
    )
    register(
        Implementation(
            operation=_operation,
            name="torch",
            run=f"core_kernels.cpu_ops.add_norm:{_operation}",
            rank=5,
            objection=_torch_objection,
        )
    )
    register(
        Implementation(
            operation=_operation,
            name="reference",
            run=f"core_kernels.reference.add_norm:{_operation}",
        )
    )


def add_norm(
    x: Tensor,
    residual: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    eps: float = 1e-5,
    rms: bool = False,
) -> tuple[Tensor, Tensor]:
    """``sum = x + residual`` and its LayerNorm (RMSNorm with `rms`) over the last dimension.

    Args:
        x, residual: [..., D], one dtype and device.
        weight, bias: [D].

    Returns:
        normed and sum, both [..., D] in the dtype of `x`, contiguous.

    Raises:
        ArgumentRefused: shapes or dtypes do not fit together.
        NoImplementation: an implementation was asked for that cannot serve this call.
    """
    if x.dim() == 0 or x.shape != residual.shape or x.dtype != residual.dtype:
        raise ArgumentRefused(
            f"x {tuple(x.shape)} {x.dtype} and residual {tuple(residual.shape)} {residual.dtype} "
            "must have one shape of at least one dimension and one dtype."
        )
    for name, vector in (("weight", weight), ("bias", bias)):
        if vector is not None and vector.shape != x.shape[-1:]:
            raise ArgumentRefused(
                f"{name} has shape {tuple(vector.shape)}; give [{x.shape[-1]}], the width of x."
            )
    keep = torch.is_grad_enabled() and any(
        part is not None and part.requires_grad for part in (x, residual, weight, bias)
    )
    normed, total, _, _ = _add_norm(x, residual, weight, bias, eps, rms, keep)
    return normed, total


_TRAITS = {
    (wide, mixed): frozenset(name for name, holds in (("wide", wide), ("mixed", mixed)) if holds)
    for wide in (False, True)
    for mixed in (False, True)
}


def _facts(x: Tensor, weight: Tensor, train: bool) -> Facts:
    traits = _TRAITS[x.shape[-1] > WIDEST, x.dtype != weight.dtype]
    return Facts(dtype=x.dtype, train=train, traits=traits)


@torch.library.custom_op("core_kernels::add_norm", mutates_args=())
def _add_norm(
    x: Tensor, residual: Tensor, weight: Tensor, bias: Tensor | None, eps: float, rms: bool,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    run = chosen("add_norm", x.device, _facts(x, weight, keep))
    normed, total, means, scales = run(x, residual, weight, bias, eps, rms, keep)
    return normed, total, means, scales


@_add_norm.register_fake
def _(
    x: Tensor, residual: Tensor, weight: Tensor, bias: Tensor | None, eps: float, rms: bool,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    rows = x.numel() // x.shape[-1] if keep and x.shape[-1] else 0
    statistics = x.new_empty(rows, dtype=torch.promote_types(x.dtype, torch.float32))
    normed = torch.empty_like(x, memory_format=torch.contiguous_format)
    return normed, torch.empty_like(normed), statistics, torch.empty_like(statistics)


@torch.library.custom_op("core_kernels::add_norm_backward", mutates_args=())
def _add_norm_backward(
    d_normed: Tensor, d_total: Tensor | None, total: Tensor, weight: Tensor, means: Tensor,
    scales: Tensor, bias: bool, rms: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    run = chosen("add_norm_backward", total.device, _facts(total, weight, True))
    d_sum, d_weight, d_bias = run(d_normed, d_total, total, weight, means, scales, bias, rms)
    return d_sum, d_weight, d_bias


@_add_norm_backward.register_fake
def _(
    d_normed: Tensor, d_total: Tensor | None, total: Tensor, weight: Tensor, means: Tensor,
    scales: Tensor, bias: bool, rms: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    return torch.empty_like(total), torch.empty_like(weight), torch.empty_like(weight)


def _remember(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    _, _, weight, bias, _, ctx.rms, _ = inputs
    _, total, means, scales = output
    ctx.bias = bias is not None
    ctx.mark_non_differentiable(means, scales)
    ctx.set_materialize_grads(False)  # a sum that nothing uses has no gradient to read
    ctx.save_for_backward(total, weight, means, scales)


def _backward(ctx, d_normed, d_total, _means, _scales):  # type: ignore[no-untyped-def]
    total, weight, means, scales = ctx.saved_tensors
    if d_normed is None:
        d_normed = torch.zeros_like(total)
    d_sum, d_weight, d_bias = _add_norm_backward(
        d_normed, d_total, total, weight, means, scales, ctx.bias, ctx.rms
    )
    return d_sum, d_sum, d_weight, d_bias if ctx.bias else None, None, None, None


_add_norm.register_autograd(_backward, setup_context=_remember)

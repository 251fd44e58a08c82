"""`gather_reduce`: sum, mean, max and deviation over each node's neighbours, in one walk."""

from collections.abc import Sequence

import torch
from torch import Tensor

from core_kernels.dispatch.capabilities import Capabilities
from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.registry import Facts, Implementation, needs_triton, register
from core_kernels.errors import ArgumentRefused
from core_kernels.structures.graph import Graph

__all__ = ["Graph", "gather_reduce"]

#: What can be asked for, and its letter in `which`.
REDUCTIONS = {"sum": "s", "mean": "m", "max": "x", "std": "d"}


def _triton_objection(facts: Facts, able: Capabilities) -> str | None:
    if facts.dtype not in (torch.float16, torch.bfloat16, torch.float32):
        return f"it does not take {facts.dtype}"
    return needs_triton(facts, able)


def _numba_objection(facts: Facts, able: Capabilities) -> str | None:
    return None if facts.dtype is torch.float32 else f"it does not take {facts.dtype}"


for _operation, _file in (
    ("gather_reduce", "gather_reduce"),
    ("gather_reduce_backward", "gather_reduce_backward"),
):
    register(
        Implementation(
            operation=_operation,
            name="triton",
            triton=True,
            run=f"core_kernels.triton_ops.{_file}:{_operation}",
            rank=10,
            objection=_triton_objection,
        )
    )
    register(
        Implementation(
            operation=_operation,
            name="numba",
            run=f"core_kernels.cpu_ops.gather_reduce:{_operation}",
            devices=frozenset({"cpu"}),
            rank=20,
            objection=_numba_objection,
        )
    )
    register(
        Implementation(
            operation=_operation,
            name="reference",
            run=f"core_kernels.reference.gather_reduce:{_operation}",
        )
    )


def gather_reduce(
    x: Tensor, graph: Graph, reductions: Sequence[str] = ("mean",)
) -> tuple[Tensor, ...]:
    """Reduce the messages ``weight · x[source]`` that each target of `graph` gets.

    Sums are in at least fp32 and in a fixed order: results and gradients of one device are the same
    bit for bit from run to run. A target without messages gets 0; NaN spreads to its targets.
    Deviations are of the population; below sqrt(1e-5) they are 0, as in PyG. Of equal maxima the
    first edge gets the gradient.

    Args:
        x: [sources, F].
        graph: on the device of x.
        reductions: any of "sum", "mean", "max", "std".

    Returns:
        one [targets, F] in the dtype of x for each reduction asked for, in that order.

    Raises:
        ArgumentRefused: x does not fit the graph, a reduction is unknown, or gradients are asked
            for of a graph made with ``train=False``.
        NoImplementation: an implementation was asked for that cannot serve this call.
    """
    unknown = sorted(set(reductions) - set(REDUCTIONS))
    if unknown or not reductions:
        raise ArgumentRefused(
            f"reductions are {list(reductions)}; give some of {', '.join(REDUCTIONS)}."
        )
    if x.dim() != 2 or x.shape[0] != graph.sources or not x.is_floating_point():
        raise ArgumentRefused(
            f"x is {tuple(x.shape)} {x.dtype}; give [{graph.sources}, features] of floats."
        )
    if x.device != graph.targets.indptr.device:
        raise ArgumentRefused(
            f"x is on {x.device}, the graph on {graph.targets.indptr.device}; use Graph.to."
        )
    train = torch.is_grad_enabled() and x.requires_grad
    if train and graph.back is None:
        raise ArgumentRefused("This graph was made with train=False; make it again for gradients.")
    which = "".join(REDUCTIONS[name] for name in REDUCTIONS if name in reductions)
    rows, back = graph.targets, graph.back or graph.targets
    total, mean, largest, spread, _ = _gather_reduce(
        x, rows.indptr, rows.indices, graph.weights, rows.pieces, rows.long, which, train,
        back.indptr, back.indices, rows.indices if back.edges is None else back.edges,
        back.pieces, back.long,
    )  # fmt: skip
    named = {"sum": total, "mean": mean, "max": largest, "std": spread}
    return tuple(named[name] for name in reductions)


@torch.library.custom_op("core_kernels::gather_reduce", mutates_args=())
def _gather_reduce(
    x: Tensor, indptr: Tensor, indices: Tensor, weights: Tensor | None, pieces: Tensor,
    long: Tensor, which: str, train: bool, back_indptr: Tensor, back_indices: Tensor,
    back_edges: Tensor, back_pieces: Tensor, back_long: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    run = chosen("gather_reduce", x.device, Facts(dtype=x.dtype, train=train))
    total, mean, largest, spread, arg = run(
        x.detach(), indptr, indices, weights, pieces, long, which, train
    )
    return total, mean, largest, spread, arg


@_gather_reduce.register_fake
def _(
    x: Tensor, indptr: Tensor, indices: Tensor, weights: Tensor | None, pieces: Tensor,
    long: Tensor, which: str, train: bool, back_indptr: Tensor, back_indices: Tensor,
    back_edges: Tensor, back_pieces: Tensor, back_long: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    def made(wanted: bool, dtype: torch.dtype | None = None) -> Tensor:
        shape = (indptr.shape[0] - 1, x.shape[1]) if wanted else (0,)
        return x.new_empty(shape, dtype=dtype or x.dtype)

    spread, most = "d" in which, "x" in which
    return (
        made("s" in which),
        made("m" in which or spread),
        made(most),
        made(spread),
        made(most and train, torch.int32),
    )


@torch.library.custom_op("core_kernels::gather_reduce_backward", mutates_args=())
def _gather_reduce_backward(
    x: Tensor, flat: Tensor, slope: Tensor | None, d_max: Tensor | None, arg: Tensor | None,
    weights: Tensor | None, indptr: Tensor, indices: Tensor, edges: Tensor, pieces: Tensor,
    long: Tensor,
) -> Tensor:  # fmt: skip
    run = chosen("gather_reduce_backward", x.device, Facts(dtype=x.dtype, train=True))
    d_x: Tensor = run(x, flat, slope, d_max, arg, weights, indptr, indices, edges, pieces, long)
    return d_x


@_gather_reduce_backward.register_fake
def _(
    x: Tensor, flat: Tensor, slope: Tensor | None, d_max: Tensor | None, arg: Tensor | None,
    weights: Tensor | None, indptr: Tensor, indices: Tensor, edges: Tensor, pieces: Tensor,
    long: Tensor,
) -> Tensor:  # fmt: skip
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _remember(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    x, indptr, _, weights, _, _, ctx.which, _, *back = inputs
    _, mean, _, spread, arg = output
    ctx.mark_non_differentiable(arg)
    ctx.set_materialize_grads(False)
    ctx.weighted = weights is not None
    ctx.save_for_backward(x, indptr, mean, spread, arg, *([weights] if ctx.weighted else []), *back)


def _backward(ctx, d_sum, d_mean, d_max, d_spread, _):  # type: ignore[no-untyped-def]
    """With n messages of mean μ and deviation σ into a target, the gradient of a message m is
    ``d_sum + d_mean / n + d_spread · (m − μ) / (n · σ)``, and d_max at the edge of the maximum."""
    x, indptr, mean, spread, arg, *rest = ctx.saved_tensors
    weights = rest.pop(0) if ctx.weighted else None
    wide = torch.promote_types(x.dtype, torch.float32)
    share = 1.0 / indptr.diff().clamp(min=1).to(wide)[:, None]
    flat = x.new_zeros((indptr.shape[0] - 1, x.shape[1]), dtype=wide)
    if d_sum is not None and "s" in ctx.which:
        flat = flat + d_sum.to(wide)
    if d_mean is not None and d_mean.numel():
        flat = flat + d_mean.to(wide) * share
    slope = None
    if d_spread is not None and "d" in ctx.which:
        away = spread.to(wide)
        slope = torch.where(away > 0, d_spread.to(wide) * share / away.clamp(min=1e-12), 0.0)
        flat = flat - slope * mean.to(wide)
    most = d_max is not None and "x" in ctx.which
    d_x = _gather_reduce_backward(
        x, flat, slope, d_max.to(wide) if most else None, arg if most else None, weights, *rest
    )
    return d_x, *[None] * 12


_gather_reduce.register_autograd(_backward, setup_context=_remember)

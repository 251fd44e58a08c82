"""`forest`: margins and leaves of gradient-boosted trees, the bits that XGBoost gives."""

import torch
from torch import Tensor
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.registry import Facts, Implementation, needs_triton, register
from core_kernels.errors import ArgumentRefused
from core_kernels.structures.forest import PackedForest

__all__ = ["PackedForest", "forest", "forest_leaves"]

for _operation in ("forest", "forest_leaves"):
    register(
        Implementation(
            operation=_operation,
            name="triton",
            triton=True,
            run=f"core_kernels.triton_ops.forest:{_operation}",
            rank=10,
            objection=needs_triton,
        )
    )
    register(
        Implementation(
            operation=_operation,
            name="numba",
            run=f"core_kernels.cpu_ops.forest:{_operation}",
            devices=frozenset({"cpu"}),
            rank=20,
        )
    )
    register(
        Implementation(
            operation=_operation,
            name="reference",
            run=f"core_kernels.reference.forest:{_operation}",
        )
    )


def forest(x: Tensor, trees: PackedForest, *, trusted: bool = False) -> Tensor:
    """Margins of `trees` for each row, bit for bit those of XGBoost 3.2's `inplace_predict`.

    Args:
        x: [B, F] fp32 on the device of `trees`; NaN is a missing value.
        trees: see `PackedForest.from_xgboost`.
        trusted: no value is infinite; saves a pass, and the wait for it on a GPU. Needed while
            a CUDA graph is captured.

    Returns:
        [B, outputs] fp32, before the link function.

    Raises:
        ArgumentRefused: shape, dtype or device do not fit, or a value is infinite.
    """
    _check(x, trees)
    run = _margins if _plain(x) else _forest
    margins: Tensor = run(
        x, trees.nodes, trees.roots, trees.depths, trees.starts, trees.base, trusted
    )
    return margins


def forest_leaves(x: Tensor, trees: PackedForest, *, trusted: bool = False) -> Tensor:
    """[B, T] int32: the leaf that each row reaches in each tree, numbered as in the model.

    Arguments and errors as for `forest`.
    """
    _check(x, trees)
    leaves: Tensor = _leaves(
        x, trees.nodes, trees.ids, trees.roots, trees.depths, trees.columns, trusted
    )
    return leaves


def _check(x: Tensor, trees: PackedForest) -> None:
    if x.dim() != 2 or x.shape[1] != trees.features or x.dtype != torch.float32:
        raise ArgumentRefused(
            f"x is {tuple(x.shape)} {x.dtype}; give [rows, {trees.features}] of torch.float32, "
            "NaN where a value is missing."
        )
    if x.device != trees.nodes.device:
        raise ArgumentRefused(
            f"x is on {x.device} and the trees on {trees.nodes.device}; use PackedForest.to."
        )


def _refuse_infinite(x: Tensor) -> None:
    infinite = torch.isinf(x)
    if infinite.any():
        row = int(infinite.any(1).nonzero()[0])
        raise ArgumentRefused(
            f"x has an infinite value in row {row}; XGBoost takes none either. Give NaN for what "
            "is missing, or a finite number."
        )


def _plain(x: Tensor) -> bool:
    """Whether nobody follows the call: then PyTorch need not hear of it, which for one row takes
    longer than the trees do."""
    return (
        type(x) is Tensor
        and x.device.type == "cpu"
        and not x.requires_grad
        and not torch.compiler.is_compiling()
        and not is_in_torch_dispatch_mode()
    )


def _margins(
    x: Tensor, nodes: Tensor, roots: Tensor, depths: Tensor, starts: Tensor, base: Tensor,
    trusted: bool,
) -> Tensor:  # fmt: skip
    if not trusted:
        _refuse_infinite(x)
    margins: Tensor = chosen("forest", x.device, Facts())(
        x.detach(), nodes, roots, depths, starts, base
    )
    return margins


_forest = torch.library.custom_op("core_kernels::forest", _margins, mutates_args=())


@_forest.register_fake
def _(
    x: Tensor, nodes: Tensor, roots: Tensor, depths: Tensor, starts: Tensor, base: Tensor,
    trusted: bool,
) -> Tensor:  # fmt: skip
    return x.new_empty((x.shape[0], base.shape[0]))


@torch.library.custom_op("core_kernels::forest_leaves", mutates_args=())
def _leaves(
    x: Tensor, nodes: Tensor, ids: Tensor, roots: Tensor, depths: Tensor, columns: Tensor,
    trusted: bool,
) -> Tensor:  # fmt: skip
    if not trusted:
        _refuse_infinite(x)
    run = chosen("forest_leaves", x.device, Facts())
    leaves: Tensor = run(x.detach(), nodes, ids, roots, depths, columns)
    return leaves


@_leaves.register_fake
def _(
    x: Tensor, nodes: Tensor, ids: Tensor, roots: Tensor, depths: Tensor, columns: Tensor,
    trusted: bool,
) -> Tensor:  # fmt: skip
    return x.new_empty((x.shape[0], roots.shape[0]), dtype=torch.int32)

"""`add_norm` against torch in eager, torch.compile, Liger's kernel and a copy of the same bytes."""

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.nn import functional as F

from core_kernels.benchmarks.harness import Case, Goal, Run
from core_kernels.dispatch.add_norm import add_norm
from core_kernels.reference import add_norm as reference
from core_kernels.tolerances import assert_close

#: Share of a cold copy's rate that each width should reach.
_SHARES = {768: 0.70, 4096: 0.80}


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """8192 rows of 768 and of 4096, fp16 on a GPU."""
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    for width, share in _SHARES.items():
        rows = 64 if quick else 8192
        x, residual = (torch.randn(rows, width, device=device).to(dtype) for _ in range(2))
        weight, bias = (torch.randn(width, device=device).to(dtype) for _ in range(2))
        yield _case(f"{rows}×{width} {dtype}", x, residual, weight, bias, share)


def _case(
    label: str, x: Tensor, residual: Tensor, weight: Tensor, bias: Tensor, share: float
) -> Case:
    def eager() -> tuple[Tensor, Tensor]:
        total = x + residual
        return F.layer_norm(total, total.shape[-1:], weight, bias), total

    def check() -> None:
        ours = add_norm(x, residual, weight, bias)
        expected = reference.add_norm(x, residual, weight, bias, 1e-5, False, False)
        assert_close(ours[0], expected[0], slack=2)
        assert_close(ours[1], expected[1])

    pair, target = torch.stack([x, residual]), torch.empty_like(torch.stack([x, residual]))
    peers: dict[str, Run | None] = {
        "torch eager": eager,
        "torch.compile": torch.compile(eager) if x.is_cuda else None,
        "Liger": _liger(x, residual, weight, bias),
        "copy of the same bytes": lambda: target.copy_(pair),
    }
    return Case(
        operation="add_norm",
        label=label,
        ours=lambda: add_norm(x, residual, weight, bias),
        peers=peers,
        check=check,
        bytes=4 * x.numel() * x.element_size(),
        graph=x.is_cuda,
        goals=(
            Goal(ratio=share, peer="copy of the same bytes"),
            Goal(ratio=1.0, peer="torch eager"),
            Goal(ratio=1.0, peer="torch.compile"),
            Goal(ratio=1.0, peer="Liger"),
        )
        if x.is_cuda
        else (),
    )


def _liger(
    x: Tensor, residual: Tensor, weight: Tensor, bias: Tensor
) -> Callable[[], object] | None:
    """Liger's fused LayerNorm after torch's addition: it has no fused residual LayerNorm."""
    if not x.is_cuda or find_spec("liger_kernel") is None:
        return None
    function = import_module("liger_kernel.ops.layer_norm").LigerLayerNormFunction

    def run() -> object:
        total = x + residual
        return function.apply(total, weight, bias, 1e-5), total

    return run

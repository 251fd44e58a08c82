"""`gated_attention` against torch's attention and gate, eager and compiled, and its open self."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from core_kernels.benchmarks.harness import Case, Goal, Run
from core_kernels.dispatch.choice import using
from core_kernels.dispatch.gated_attention import gated_attention
from core_kernels.tolerances import assert_close

#: Gates below this count as shut where the cases say "half shut".
SHUT = 1e-3
#: What a gate that cost nothing would take; no goal is set beside it.
ALONE = "cuDNN's attention, no gate"


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """8 × 12 heads, 1024 queries and keys, 64 wide: forward, half shut, forward and backward."""
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    batch, heads, length = (1, 2, 64) if quick else (8, 12, 1024)
    q, k, v = (torch.randn(batch, heads, length, 64, device=device).to(dtype) for _ in range(3))
    gate = torch.randn(batch, heads, length, 1, device=device).to(dtype)
    label = f"{batch}×{heads}×{length}×64 {dtype}"
    yield _forward(label, q, k, v, gate)
    channel = torch.randn(batch, heads, length, 64, device=device).to(dtype)
    yield _forward(f"{label}, a gate per channel", q, k, v, channel)
    yield _half_shut(f"{label}, half of the heads shut", q, k, v, gate)
    yield _training(f"{label}, forward + backward", q, k, v, gate)


def _plain(q: Tensor, k: Tensor, v: Tensor, gate: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v) * torch.sigmoid(gate)


def _alone(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        return F.scaled_dot_product_attention(q, k, v)


def _case(label: str, ours: Run, check: Run, peers: dict[str, Run | None], q: Tensor, gate: Tensor,
          ratio: float, *, passes: float = 1.0) -> Case:  # fmt: skip
    batch, heads, length, width = q.shape
    return Case(
        operation="gated_attention",
        label=label,
        ours=ours,
        peers=peers,
        check=check,
        bytes=int(passes * (4 * q.numel() + gate.numel()) * q.element_size()),
        flops=int(passes * 4 * batch * heads * length * length * width),
        graph=q.is_cuda,
        goals=tuple(Goal(ratio=ratio, peer=name) for name in peers if name != ALONE)
        if q.is_cuda
        else (),
    )


def _forward(label: str, q: Tensor, k: Tensor, v: Tensor, gate: Tensor) -> Case:
    def check() -> None:
        with using(gated_attention="reference"):
            expected = gated_attention(q.float(), k.float(), v.float(), gate.float())
        assert_close(gated_attention(q, k, v, gate), expected, slack=2)

    compiled = torch.compile(_plain) if q.is_cuda else None
    peers: dict[str, Run | None] = {
        "torch eager": lambda: _plain(q, k, v, gate),
        "torch.compile": compiled and (lambda: compiled(q, k, v, gate)),
    }
    if q.is_cuda:
        peers[ALONE] = lambda: _alone(q, k, v)
    ratio = 1.25 if gate.shape[-1] == 1 else 1.0
    return _case(label, lambda: gated_attention(q, k, v, gate), check, peers, q, gate, ratio)


def _half_shut(label: str, q: Tensor, k: Tensor, v: Tensor, gate: Tensor) -> Case:
    half = gate.clone()
    half[:, ::2] = -20.0

    def check() -> None:
        with using(gated_attention="reference"):
            expected = gated_attention(q.float(), k.float(), v.float(), half.float(), shut=SHUT)
        ours = gated_attention(q, k, v, half, shut=SHUT)
        assert_close(ours, expected, slack=2)
        torch.testing.assert_close(ours[:, ::2], torch.zeros_like(ours[:, ::2]), rtol=0, atol=0)

    peers: dict[str, Run | None] = {"all open": lambda: gated_attention(q, k, v, gate, shut=SHUT)}
    return _case(
        label, lambda: gated_attention(q, k, v, half, shut=SHUT), check, peers, q, gate, 1.7
    )


def _training(label: str, q: Tensor, k: Tensor, v: Tensor, gate: Tensor) -> Case:
    leaves = [part.clone().requires_grad_() for part in (q, k, v, gate)]
    wide = [part.float().clone().requires_grad_() for part in (q, k, v, gate)]
    d_out = torch.randn_like(q)

    def both(
        run: Callable[..., Tensor], given: list[Tensor], d_given: Tensor
    ) -> tuple[Tensor, ...]:
        return torch.autograd.grad(run(*given), given, d_given)

    def check() -> None:
        with using(gated_attention="reference", gated_attention_backward="reference"):
            expected = both(gated_attention, wide, d_out.float())
        ours = both(gated_attention, leaves, d_out)
        for one, other in zip(ours, expected, strict=True):
            assert_close(one, other, slack=4)

    compiled = torch.compile(_plain) if q.is_cuda else None
    peers: dict[str, Run | None] = {
        "torch eager": lambda: both(_plain, leaves, d_out),
        "torch.compile": compiled and (lambda: both(compiled, leaves, d_out)),
    }
    return _case(
        label, lambda: both(gated_attention, leaves, d_out), check, peers, q, gate, 1.15, passes=3.5
    )

"""`gated_attention` against its fp32 formula, torch's attention, and itself."""

from collections.abc import Sequence
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from core_kernels.dispatch.choice import using
from core_kernels.dispatch.gated_attention import gated_attention
from core_kernels.errors import ArgumentRefused, NoImplementation
from core_kernels.reference import gated_attention as reference
from core_kernels.tolerances import assert_close
from core_kernels.triton_ops.gated_attention_backward import aligned

DTYPES = [torch.float16]
if torch.cuda.is_available():
    DTYPES.append(torch.bfloat16)
else:
    DTYPES.append(torch.float32)
CPU_ONLY = pytest.mark.skipif(torch.cuda.is_available(), reason="a path of the CPU")
GPU_ONLY = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def made(
    shape: tuple[int, int, int, int, int], dtype: torch.dtype, device: torch.device,
    *, channel: bool = False,
) -> list[Tensor]:  # fmt: skip
    """q, k, v and gate of [B, H, L, S, D]."""
    batch, heads, queries, keys, width = shape
    lengths = ((queries, width), (keys, width), (keys, width), (queries, width if channel else 1))
    return [
        torch.randn(batch, heads, length, last, device=device).to(dtype) for length, last in lengths
    ]


def attend(
    parts: Sequence[Tensor], mask: Tensor | None = None, *, causal: bool = False, shut: float = 0.0
) -> Tensor:
    """The operation on q, k, v and gate."""
    q, k, v, gate = parts
    return gated_attention(q, k, v, gate, mask, causal=causal, shut=shut)


def formula(
    parts: Sequence[Tensor], mask: Tensor | None = None, *, causal: bool = False, shut: float = 0.0
) -> Tensor:
    """The reference in fp32 for arguments of any float."""
    with using(gated_attention="reference"):
        return attend([part.float() for part in parts], mask, causal=causal, shut=shut)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channel", [False, True])
@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1, 1), (2, 3, 5, 7, 12), (1, 2, 130, 70, 16), (2, 1, 33, 129, 64)]
)
def test_triton_is_the_formula(
    shape: tuple[int, int, int, int, int], channel: bool, dtype: torch.dtype, device: torch.device
) -> None:
    parts = made(shape, dtype, device, channel=channel)
    mask = torch.rand(shape[0], 1, shape[2], shape[3], device=device) > 0.3
    mask[0, 0, 0] = False
    for given_mask in (None, mask):
        with using(gated_attention="triton"):
            ours = attend(parts, mask=given_mask, shut=0.2)
        assert_close(ours, formula(parts, given_mask, shut=0.2), slack=2)


@settings(max_examples=12, deadline=None)
@given(
    st.tuples(*(st.integers(1, top) for top in (2, 3, 40, 40))), st.booleans(), st.booleans(),
    st.sampled_from([0.0, 0.3]),
)  # fmt: skip
def test_triton_is_the_formula_for_any_shape_with_and_without_later_keys(
    drawn: tuple[int, int, int, int], channel: bool, causal: bool, shut: float
) -> None:
    batch, heads, length, width = drawn
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    parts = made((batch, heads, length, length, width), torch.float16, device, channel=channel)
    with using(gated_attention="triton"):
        ours = attend(parts, causal=causal, shut=shut)
    assert_close(ours, formula(parts, causal=causal, shut=shut), slack=2)


@CPU_ONLY
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shut", [0.0, 0.5])
def test_torchs_attention_for_a_cpu_is_the_formula_forward_and_backward(
    shut: float, masked: bool
) -> None:
    parts = [
        part.requires_grad_() for part in made((2, 3, 9, 11, 8), torch.float32, torch.device("cpu"))
    ]
    with torch.no_grad():
        parts[3][0, 1] = -5.0  # one head is shut for all queries of a sequence
    mask = torch.rand(2, 1, 9, 11) > 0.4 if masked else None
    gradients = {}
    for name in ("torch", "reference"):
        with using(gated_attention=name, gated_attention_backward=name):
            out = attend(parts, mask=mask, shut=shut)
            assert_close(out, formula(parts, mask, shut=shut))
            gradients[name] = torch.autograd.grad(out.square().sum(), parts)
    for ours, expected in zip(gradients["torch"], gradients["reference"], strict=True):
        assert_close(ours, expected, slack=4)


def test_the_formula_is_torchs_attention_times_the_gate(device: torch.device) -> None:
    q, k, v, gate = made((2, 2, 6, 6, 8), torch.float64, device)
    with using(gated_attention="reference"):
        ours = gated_attention(q, k, v, gate, causal=True)
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True) * torch.sigmoid(gate)
    assert_close(ours, expected)


@pytest.mark.parametrize("channel", [False, True])
@pytest.mark.parametrize("shut", [0.0, 0.4])
def test_the_gradient_of_the_formula_holds_in_float64(shut: float, channel: bool) -> None:
    parts = made((1, 2, 3, 4, 5), torch.float64, torch.device("cpu"), channel=channel)
    mask = torch.tensor([[True, False, True, True]]).expand(3, 4).clone()
    mask[1] = False
    given_parts = [part.requires_grad_() for part in parts]
    with using(gated_attention="reference", gated_attention_backward="reference"):
        run = partial(gated_attention, mask=mask, shut=shut)
        assert torch.autograd.gradcheck(run, given_parts)


@pytest.mark.parametrize("backward", ["reference", "torch"])
def test_what_triton_keeps_serves_every_backward_pass(backward: str, device: torch.device) -> None:
    if backward == "torch" and device.type != "cpu":
        pytest.skip("a path of the CPU")
    parts = [part.requires_grad_() for part in made((2, 2, 17, 17, 16), torch.float32, device)]
    gradients = []
    for forward, back in (("triton", backward), ("reference", "reference")):
        with using(gated_attention=forward, gated_attention_backward=back):
            out = attend(parts, causal=True, shut=0.3)
            gradients.append(torch.autograd.grad(out.square().sum(), parts))
    for ours, expected in zip(*gradients, strict=True):
        assert_close(ours, expected, slack=8)


@GPU_ONLY
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shut", [0.0, 0.3])
@pytest.mark.parametrize("backward", ["flash", "cudnn", "efficient"])
def test_a_gpus_backward_pass_is_the_formulas(
    backward: str, shut: float, causal: bool, device: torch.device
) -> None:
    parts = [part.requires_grad_() for part in made((2, 3, 200, 200, 64), torch.float16, device)]
    with torch.no_grad():
        parts[3][0, 1] = -5.0
    wide = [part.detach().float().requires_grad_() for part in parts]
    with using(gated_attention="triton", gated_attention_backward=backward):
        ours = attend(parts, causal=causal, shut=shut)
        ours.float().square().sum().backward()
    with using(gated_attention="reference", gated_attention_backward="reference"):
        attend(wide, causal=causal, shut=shut).square().sum().backward()
    for part, expected in zip(parts, wide, strict=True):
        assert part.grad is not None
        assert expected.grad is not None
        assert_close(part.grad, expected.grad, slack=8)


@GPU_ONLY
@pytest.mark.parametrize("backward", ["flash", "cudnn", "efficient"])
@pytest.mark.parametrize("queries", [13, 130])
def test_views_of_a_projection_whose_rows_are_not_aligned_have_the_formulas_gradient(
    queries: int, backward: str, device: torch.device
) -> None:
    """Three widths and four gates: rows of 772 elements, and every second one begins between."""
    rows = torch.randn(2, queries, 3 * 256 + 4, device=device).bfloat16()
    given = torch.randn(2, 4, queries, 64, device=device).bfloat16()

    def gradient(own: Tensor) -> Tensor:
        own = own.requires_grad_()
        q, k, v = (
            part.view(2, queries, 4, 64).transpose(1, 2) for part in own[..., :768].chunk(3, -1)
        )
        gate = own[..., 768:].transpose(1, 2).unsqueeze(-1)
        gated_attention(q, k, v, gate).backward(given.to(own.dtype))
        if own.grad is None:
            raise AssertionError("There is no gradient.")
        return own.grad

    with using(gated_attention="reference", gated_attention_backward="reference"):
        wanted = gradient(rows.float())
    with using(gated_attention_backward=backward):
        found = gradient(rows.clone())
    gap = (found.float() - wanted).abs().max() / wanted.abs().max()
    assert float(gap) < 0.02


def test_only_rows_that_are_not_aligned_are_copied() -> None:
    from_wide = torch.zeros(2, 5, 772, dtype=torch.bfloat16)[..., :256]
    whole = torch.zeros(2, 5, 256, dtype=torch.bfloat16)
    assert aligned(whole) is whole
    assert aligned(from_wide).stride() == (5 * 256, 256, 1)
    assert aligned(whole[..., 1:9]).is_contiguous()
    assert aligned(from_wide.float()[..., :4]).dtype == torch.float32


@pytest.mark.parametrize("name", ["triton", "reference"])
def test_a_shut_head_is_exactly_zero_and_its_keys_are_never_read(
    name: str, device: torch.device
) -> None:
    q, k, v, gate = made((1, 2, 40, 24, 16), torch.float16, device)
    gate[:, 0] = -20.0
    if name == "triton":  # a kernel that read them would pass them on
        k[:, 0] = float("nan")
    with using(gated_attention=name):
        ours = gated_attention(q, k, v, gate, shut=1e-3)
    assert torch.equal(ours[:, 0], torch.zeros_like(ours[:, 0]))
    assert (ours[:, 1] != 0).all()


def test_what_is_not_a_number_stays_with_its_query(device: torch.device) -> None:
    q, k, v, gate = made((1, 1, 4, 20, 16), torch.float16, device)
    q[0, 0, 1, 3] = float("nan")
    gate[0, 0, 2] = float("nan")
    with using(gated_attention="triton"):
        ours = gated_attention(q, k, v, gate, shut=0.01)
    assert torch.isnan(ours[0, 0, 1:3]).all()
    assert torch.isfinite(ours[0, 0, [0, 3]]).all()


def test_one_gate_for_all_queries_and_views_of_a_projection_are_taken(device: torch.device) -> None:
    together = torch.randn(2, 10, 3, 4, 16, device=device, dtype=torch.float16)
    q, k, v = (together[:, :, part].transpose(1, 2) for part in range(3))
    gate = torch.randn(4, 1, 1, device=device, dtype=torch.float16, requires_grad=True)
    with using(gated_attention="triton", gated_attention_backward="reference"):
        ours = gated_attention(q, k, v, gate)
        alone = attend([*(part.contiguous() for part in (q, k, v)), gate])
        (d_gate,) = torch.autograd.grad(ours.float().sum(), gate)
    assert torch.equal(ours, alone)
    assert d_gate.shape == gate.shape
    flat = ours.transpose(1, 2).reshape(2, 10, 64)
    assert flat.data_ptr() == ours.data_ptr()


def test_a_second_run_gives_the_same_bits(device: torch.device) -> None:
    parts = made((1, 2, 50, 70, 32), torch.float16, device)
    with using(gated_attention="triton"):
        assert torch.equal(attend(parts), attend(parts))


@GPU_ONLY
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_gpus_backward_pass_with_a_mask_is_the_formulas(
    dtype: torch.dtype, device: torch.device
) -> None:
    parts = [part.requires_grad_() for part in made((2, 3, 50, 37, 64), dtype, device)]
    mask = torch.rand(2, 1, 50, 37, device=device) > 0.4
    mask[1, 0, 3] = False
    wide = [part.detach().float().requires_grad_() for part in parts]
    with using(gated_attention="triton", gated_attention_backward="efficient"):
        attend(parts, mask=mask).float().square().sum().backward()
    with using(gated_attention="reference", gated_attention_backward="reference"):
        attend(wide, mask=mask).square().sum().backward()
    for part, expected in zip(parts, wide, strict=True):
        assert part.grad is not None
        assert expected.grad is not None
        assert_close(part.grad, expected.grad, slack=8)


def test_the_gradient_through_the_gate_is_the_formulas(device: torch.device) -> None:
    from core_kernels.triton_ops import gated_attention_backward as kernel

    for channel in (False, True):
        q, k, v, gate = made((2, 3, 21, 9, 20), torch.float32, device, channel=channel)
        _, attended, sums = reference.gated_attention(q, k, v, gate, None, False, 0.2, 0.3, True)
        d_out = torch.randn_like(q)
        ours = kernel._gate_gradient(d_out, gate, attended, 0.3)
        *_, d_gate = reference.gated_attention_backward(
            d_out, q, k, v, gate, None, attended, sums, False, 0.2, 0.3
        )
        assert_close(ours[0], d_out * reference.opening(gate, 0.3, torch.float32))
        assert_close(ours[1], d_gate, slack=2)


@pytest.mark.parametrize("shape", [(0, 2, 3, 4, 8), (1, 2, 0, 4, 8), (1, 2, 3, 0, 8)])
@pytest.mark.parametrize("name", ["triton", "torch", "reference"])
def test_nothing_gives_nothing(
    name: str, shape: tuple[int, int, int, int, int], device: torch.device
) -> None:
    if name == "torch" and device.type != "cpu":
        pytest.skip("a path of the CPU")
    with using(gated_attention=name):
        ours = attend(made(shape, torch.float32, device))
    assert ours.shape == (shape[0], shape[1], shape[2], shape[4])
    assert not ours.any()


def test_it_compiles_whole_and_passes_opcheck(device: torch.device) -> None:
    parts = [part.requires_grad_() for part in made((1, 2, 6, 6, 16), torch.float32, device)]
    with using(gated_attention="reference", gated_attention_backward="reference"):
        operator = torch.ops.core_kernels.gated_attention
        torch.library.opcheck(operator, (*parts, None, True, 0.25, 0.0, True))
        compiled = torch.compile(
            partial(gated_attention, causal=True), fullgraph=True, backend="aot_eager"
        )
        ours, eager = compiled(*parts), attend(parts, causal=True)
        assert_close(ours, eager)
        for one, other in zip(
            torch.autograd.grad(ours.sum(), parts), torch.autograd.grad(eager.sum(), parts),
            strict=True,
        ):  # fmt: skip
            assert_close(one, other)


def test_shapes_and_requests_that_do_not_fit_are_refused_by_name(device: torch.device) -> None:
    q, k, v, gate = made((1, 2, 3, 4, 8), torch.float32, device)
    with pytest.raises(ArgumentRefused, match=r"gate has shape \[1, 2, 3, 4\]"):
        gated_attention(q, k, v, gate.expand(1, 2, 3, 4))
    with pytest.raises(ArgumentRefused, match="as many keys as queries, there are 4 and 3"):
        gated_attention(q, k, v, gate, causal=True)
    with pytest.raises(ArgumentRefused, match="True for what counts"):
        gated_attention(q, k, v, gate, torch.zeros(3, 4, device=device))
    with pytest.raises(ArgumentRefused, match=r"shut=1\.5"):
        gated_attention(q, k, v, gate, shut=1.5)
    with pytest.raises(ArgumentRefused, match="give one dtype"):
        gated_attention(q, k.half(), v, gate)
    with using(gated_attention="triton"), pytest.raises(NoImplementation, match="float64"):
        gated_attention(q.double(), k.double(), v.double(), gate)


@pytest.mark.parametrize("scale", [0.0, -0.3])
@pytest.mark.parametrize("causal", [False, True])
def test_any_finite_scale_is_taken(scale: float, causal: bool, device: torch.device) -> None:
    parts = made((1, 2, 70, 70, 16), torch.float16, device)
    ours = gated_attention(*parts, causal=causal, scale=scale)
    with using(gated_attention="reference"):
        wanted = gated_attention(*(p.float() for p in parts), causal=causal, scale=scale)
    assert_close(ours, wanted, slack=2)

"""`add_norm` against its fp32 formula, torch's own norms, and itself."""

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core_kernels.dispatch.add_norm import add_norm
from core_kernels.dispatch.choice import using
from core_kernels.errors import ArgumentRefused, NoImplementation
from core_kernels.modules.add_norm import AddNorm
from core_kernels.reference import add_norm as reference
from core_kernels.tolerances import assert_close

SHAPES = [(1, 1), (3, 7), (2, 5, 64), (17, 100), (4, 1025), (0, 8), (5, 0)]
DTYPES = [torch.float32, torch.float16]
if torch.cuda.is_available():
    DTYPES.append(torch.bfloat16)


def made(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> list[Tensor]:
    """x, residual, weight and bias."""
    shapes = [shape, shape, shape[-1:], shape[-1:]]
    return [torch.randn(one, device=device).to(dtype) for one in shapes]


@pytest.mark.parametrize("rms", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_triton_is_the_formula(
    shape: tuple[int, ...], dtype: torch.dtype, rms: bool, device: torch.device
) -> None:
    x, residual, weight, bias = made(shape, dtype, device)
    with using(add_norm="triton"):
        normed, total = add_norm(x, residual, weight, None if rms else bias, rms=rms)
    wide = [part.float() for part in (x, residual, weight, bias)]
    _, stored, *_ = reference.add_norm(x, residual, weight, None, 1e-5, rms, False)
    expected, *_ = reference.add_norm(
        stored.float(),
        torch.zeros_like(wide[0]),
        wide[2],
        None if rms else wide[3],
        1e-5,
        rms,
        False,
    )
    assert torch.equal(total, stored)
    assert_close(normed, expected)


def test_the_formula_is_torchs_own(device: torch.device) -> None:
    x, residual, weight, bias = made((6, 33), torch.float64, device)
    normed, total, *_ = reference.add_norm(x, residual, weight, bias, 1e-5, False, True)
    assert_close(normed, F.layer_norm(x + residual, (33,), weight, bias, 1e-5))
    assert_close(total, x + residual)
    normed, *_ = reference.add_norm(x, residual, weight, None, 1e-6, True, True)
    assert_close(normed, F.rms_norm(x + residual, (33,), weight, 1e-6))


@pytest.mark.parametrize("rms", [False, True])
def test_the_gradient_of_the_formula_holds_in_float64(rms: bool) -> None:
    parts = made((3, 5), torch.float64, torch.device("cpu"))
    for part in parts:
        part.requires_grad_()
    x, residual, weight, bias = parts
    given = (x, residual, weight) if rms else (x, residual, weight, bias)
    with using(add_norm="reference", add_norm_backward="reference"):
        assert torch.autograd.gradcheck(partial(add_norm, rms=rms), given)


@pytest.mark.parametrize("rms", [False, True])
@pytest.mark.parametrize("shape", [(7, 33), (64, 8), (1, 300)])
def test_tritons_gradient_is_the_formulas(
    shape: tuple[int, int], rms: bool, device: torch.device
) -> None:
    parts = made(shape, torch.float32, device)
    weights = torch.randn(shape, device=device), torch.randn(shape, device=device)
    gradients = {}
    for name in ("reference", "triton"):
        leaves = [part.clone().requires_grad_() for part in parts]
        bias = None if rms else leaves[3]
        with using(add_norm=name, add_norm_backward=name):
            normed, total = add_norm(leaves[0], leaves[1], leaves[2], bias, rms=rms)
            ((normed * weights[0]).sum() + (total * weights[1]).sum()).backward()
        gradients[name] = [leaf.grad for leaf in leaves if leaf.grad is not None]
    for ours, expected in zip(gradients["triton"], gradients["reference"], strict=True):
        assert_close(ours, expected, slack=4)


def test_rows_apart_in_memory_are_taken_as_they_are(device: torch.device) -> None:
    x, residual, weight, bias = made((8, 48), torch.float32, device)
    with using(add_norm="triton"):
        apart, _ = add_norm(x.t().contiguous().t(), residual[:, :48], weight, bias)
        together, _ = add_norm(x, residual, weight, bias)
    assert torch.equal(apart, together)


def test_what_is_not_a_number_stays_in_its_row(device: torch.device) -> None:
    x, residual, weight, bias = made((3, 16), torch.float32, device)
    x[1, 3], x[2, 5] = float("nan"), float("inf")
    with using(add_norm="triton"):
        normed, total = add_norm(x, residual, weight, bias)
    assert torch.isfinite(normed[0]).all()
    assert torch.isnan(normed[1]).all()
    assert torch.isnan(normed[2]).any()
    assert torch.isinf(total[2, 5])


def test_a_second_run_gives_the_same_bits(device: torch.device) -> None:
    parts = [part.requires_grad_() for part in made((65, 40), torch.float32, device)]
    runs = []
    with using(add_norm="triton", add_norm_backward="triton"):
        for _ in range(2):
            normed, _ = add_norm(*parts)
            runs.append(torch.autograd.grad(normed.square().sum(), parts))
    assert all(torch.equal(*pair) for pair in zip(*runs, strict=True))


def test_it_compiles_whole_and_passes_opcheck(device: torch.device) -> None:
    parts = [part.requires_grad_() for part in made((4, 32), torch.float32, device)]
    operator = torch.ops.core_kernels.add_norm
    torch.library.opcheck(operator, (*parts, 1e-5, False, True))
    compiled = torch.compile(lambda *given: add_norm(*given), fullgraph=True, backend="aot_eager")
    for ours, eager in zip(compiled(*parts), add_norm(*parts), strict=True):
        assert_close(ours, eager)


def test_the_layer_is_a_residual_and_a_norm(device: torch.device) -> None:
    layer, norm = AddNorm(24).to(device), torch.nn.LayerNorm(24).to(device)
    x, residual = torch.randn(2, 5, 24, device=device), torch.randn(2, 5, 24, device=device)
    normed, total = layer(x, residual)
    assert_close(normed, norm(x + residual))
    assert_close(total, x + residual)


def test_shapes_and_requests_that_do_not_fit_are_refused_by_name(device: torch.device) -> None:
    x, residual, weight, bias = made((3, 16), torch.float32, device)
    with pytest.raises(ArgumentRefused, match="residual"):
        add_norm(x, residual[:, :8], weight, bias)
    with pytest.raises(ArgumentRefused, match=r"bias has shape \(8,\); give \[16\]"):
        add_norm(x, residual, weight, bias[:8])
    with using(add_norm="triton"), pytest.raises(NoImplementation, match="float64"):
        add_norm(x.double(), residual.double(), weight.double(), bias.double())

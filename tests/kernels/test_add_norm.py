"""`add_norm` against its fp32 formula, torch's own norms, and itself."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from core_kernels.dispatch.add_norm import WIDEST, add_norm
from core_kernels.dispatch.choice import using
from core_kernels.dispatch.registry import Implementation, implementations, register, unregister
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


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(0, 6), max_size=2), st.integers(1, 200), st.booleans(), st.booleans(),
)  # fmt: skip
def test_every_implementation_is_the_formula_for_any_shape(
    leading: list[int], width: int, rms: bool, shifted: bool
) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    x, residual, weight, bias = made((*leading, width), torch.float32, device)
    shift = bias if shifted else None
    expected = reference.add_norm(x, residual, weight, shift, 1e-5, rms, True)
    for name in ("triton", "torch"):
        with using(add_norm=name):
            found = torch.ops.core_kernels.add_norm(x, residual, weight, shift, 1e-5, rms, True)
        for ours, wanted in zip(found, expected, strict=True):
            assert_close(ours, wanted, slack=2)


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


@pytest.mark.parametrize("name", ["triton", "torch"])
@pytest.mark.parametrize("rms", [False, True])
@pytest.mark.parametrize("shape", [(7, 33), (64, 8), (1, 300), (2, 3, 16)])
def test_the_gradient_is_the_formulas(
    shape: tuple[int, ...], rms: bool, name: str, device: torch.device
) -> None:
    parts = made(shape, torch.float32, device)
    weights = torch.randn(shape, device=device), torch.randn(shape, device=device)
    gradients = {}
    for one in ("reference", name):
        leaves = [part.clone().requires_grad_() for part in parts]
        bias = None if rms else leaves[3]
        with using(add_norm=one, add_norm_backward=one):
            normed, total = add_norm(leaves[0], leaves[1], leaves[2], bias, rms=rms)
            ((normed * weights[0]).sum() + (total * weights[1]).sum()).backward()
        gradients[one] = [leaf.grad for leaf in leaves if leaf.grad is not None]
    for ours, expected in zip(gradients[name], gradients["reference"], strict=True):
        assert_close(ours, expected, slack=4)


@pytest.mark.parametrize("name", ["triton", "torch", "reference"])
@pytest.mark.parametrize("used", [0, 1])
def test_one_of_the_two_results_may_go_unused(used: int, name: str, device: torch.device) -> None:
    parts = [part.requires_grad_() for part in made((5, 24), torch.float32, device)]
    with using(add_norm=name, add_norm_backward=name):
        found = torch.autograd.grad(
            add_norm(*parts)[used].square().sum(), parts, allow_unused=True, materialize_grads=True
        )
    x, residual, weight, bias = parts
    total = x + residual
    plain = F.layer_norm(total, (24,), weight, bias), total
    expected = torch.autograd.grad(
        plain[used].square().sum(), parts, allow_unused=True, materialize_grads=True
    )
    for ours, wanted in zip(found, expected, strict=True):
        assert_close(ours, wanted, slack=4)


@pytest.mark.parametrize("name", ["triton", "torch", "reference"])
def test_statistics_are_kept_only_for_a_gradient(name: str, device: torch.device) -> None:
    parts = made((4, 8), torch.float32, device)
    kept: list[bool] = []
    (chosen,) = (one for one in implementations("add_norm") if one.name == name)

    def watched(*arguments: object) -> object:
        kept.append(bool(arguments[-1]))
        found = chosen.function()(*arguments)
        assert found[2].numel() == found[3].numel() == 4 * kept[-1]
        return found

    register(Implementation(operation="add_norm", name="watched", run=watched))
    try:
        with using(add_norm="watched"):
            add_norm(*parts)
            parts[2].requires_grad_()
            add_norm(*parts)
            with torch.no_grad():
                add_norm(*parts)
    finally:
        unregister("add_norm", "watched")
    assert kept == [False, True, False]


def test_rows_too_wide_for_the_kernel_and_mixed_dtypes_go_elsewhere() -> None:
    cpu = torch.device("cpu")
    x, residual, weight, bias = made((1, WIDEST + 1), torch.float32, cpu)
    with using(add_norm="triton"), pytest.raises(NoImplementation, match="wider than 32768"):
        add_norm(x, residual, weight, bias)
    assert add_norm(x, residual, weight, bias)[0].shape == x.shape
    x, residual = x[..., :16].half(), residual[..., :16].half()
    with using(add_norm="torch"), pytest.raises(NoImplementation, match="different dtypes"):
        add_norm(x, residual, weight[:16], bias[:16])


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

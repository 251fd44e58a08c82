"""`decode_attention` against its fp32 formula, torch's attention, and itself in other batches."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from core_kernels.dispatch.choice import using
from core_kernels.dispatch.decode_attention import decode_attention, quantised
from core_kernels.errors import ArgumentRefused, NoImplementation
from core_kernels.tolerances import assert_close

CPU = torch.device("cpu")
DTYPES = [torch.float16, torch.float32]
if torch.cuda.is_available():
    DTYPES.append(torch.bfloat16)


def made(
    shape: tuple[int, int, int, int, int], dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """q, keys and values of [B, H, G, S, D]."""
    batch, heads, groups, capacity, width = shape
    q = torch.randn(batch, heads, width, device=device).to(dtype)
    keys, values = (
        torch.randn(batch, groups, capacity, width, device=device).to(dtype) for _ in range(2)
    )
    return q, keys, values


def formula(q: Tensor, keys: Tensor, values: Tensor, lengths: Tensor, **more: object) -> Tensor:
    with using(decode_attention="reference"):
        return decode_attention(q.float(), keys.float(), values.float(), lengths, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["triton", "torch"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1, 1), (3, 4, 2, 70, 20), (2, 2, 2, 300, 64), (2, 3, 1, 520, 16)]
)
def test_it_is_the_formula(
    shape: tuple[int, int, int, int, int], dtype: torch.dtype, name: str, device: torch.device
) -> None:
    if name == "torch":
        device = CPU
    q, keys, values = made(shape, dtype, device)
    lengths = torch.randint(1, shape[3] + 1, (shape[0],), device=device)
    gate = torch.randn(*shape[:2], 1, device=device)
    for gates in (None, gate, gate * torch.randn_like(q, dtype=torch.float32)):
        with using(decode_attention=name):
            ours = decode_attention(q, keys, values, lengths, gates, shut=0.2)
        assert_close(ours, formula(q, keys, values, lengths, gate=gates, shut=0.2))


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_it_is_the_formula_for_any_shape_and_lengths(data: st.DataObject) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    batch, groups, group, width = (data.draw(st.integers(1, top)) for top in (4, 3, 3, 40))
    capacity = data.draw(st.integers(1, 280))
    told = data.draw(st.lists(st.integers(0, capacity), min_size=batch, max_size=batch))
    lengths = torch.tensor(told, device=device, dtype=torch.int32)
    parts = made((batch, groups * group, groups, capacity, width), torch.float32, device)
    for name in ("triton",) if device.type == "cuda" else ("triton", "torch"):
        with using(decode_attention=name):
            assert_close(decode_attention(*parts, lengths), formula(*parts, lengths))


def test_the_formula_is_torchs_attention(device: torch.device) -> None:
    q, keys, values = made((2, 4, 2, 9, 8), torch.float32, device)
    lengths = torch.tensor([9, 4], device=device)
    mask = torch.arange(9, device=device) < lengths[:, None]
    expected = F.scaled_dot_product_attention(
        q.unsqueeze(2), keys, values, attn_mask=mask[:, None, None], enable_gqa=True
    )
    assert_close(formula(q, keys, values, lengths), expected.squeeze(2))


@pytest.mark.parametrize("name", ["triton", "torch"])
def test_an_int8_cache_gives_what_its_rows_stand_for(name: str, device: torch.device) -> None:
    if name == "torch":
        device = CPU
    q, keys, values = made((2, 4, 2, 290, 32), torch.float32, device)
    lengths = torch.tensor([290, 31], device=device)
    k, key_scales = quantised(keys)
    v, value_scales = quantised(values)
    with using(decode_attention=name):
        ours = decode_attention(q, k, v, lengths, key_scales=key_scales, value_scales=value_scales)
    assert_close(ours, formula(q, k * key_scales[..., None], v * value_scales[..., None], lengths))
    near = formula(q, keys, values, lengths)
    assert (ours - near).abs().max() < 0.02 * near.abs().max()


def test_rows_are_quantised_to_half_a_step() -> None:
    rows = torch.randn(3, 5, 16)
    rows[0, 0] = 0
    stored, scales = quantised(rows)
    assert ((stored * scales[..., None] - rows).abs() <= scales[..., None] * 0.5001).all()
    assert stored[0, 0].abs().max() == 0
    assert stored[1].abs().amax(-1).eq(127).all()
    with pytest.raises(ArgumentRefused, match=r"torch\.int8; give floating point"):
        quantised(stored)


@pytest.mark.parametrize("name", ["triton", "torch", "reference"])
def test_what_lies_behind_a_sequences_end_is_never_seen(name: str, device: torch.device) -> None:
    if name == "torch":
        device = CPU
    q, keys, values = made((3, 2, 2, 270, 16), torch.float32, device)
    lengths = torch.tensor([0, 5, 260], device=device)
    clean = formula(q, keys, values, lengths)
    for sequence, length in enumerate(lengths.tolist()):
        keys[sequence, :, length:] = float("nan")
        values[sequence, :, length:] = float("nan")
    with using(decode_attention=name):
        ours = decode_attention(q, keys, values, lengths)
    assert_close(ours, clean)
    assert not ours[0].any()


def test_a_sequence_gets_the_same_bits_alone_and_beside_others(device: torch.device) -> None:
    q, keys, values = made((4, 2, 2, 530, 32), torch.float16, device)
    lengths = torch.tensor([530, 7, 256, 300], device=device)
    with using(decode_attention="triton"):
        together = decode_attention(q, keys, values, lengths)
        assert torch.equal(together, decode_attention(q, keys, values, lengths))
        for one in range(4):
            part = slice(one, one + 1)
            alone = decode_attention(q[part], keys[part], values[part], lengths[part])
            assert torch.equal(together[part], alone)


def test_a_shut_heads_cache_is_not_read(device: torch.device) -> None:
    for capacity in (40, 300):
        q, keys, values = made((2, 2, 2, capacity, 16), torch.float32, device)
        keys[:, 1] = values[:, 1] = float("nan")
        gate = torch.tensor([5.0, -20.0], device=device).view(1, 2, 1).expand(2, 2, 1)
        lengths = torch.tensor([capacity, 3], device=device)
        with using(decode_attention="triton"):
            ours = decode_attention(q, keys, values, lengths, gate, shut=1e-3)
        assert torch.isfinite(ours).all()
        assert not ours[:, 1].any()
        assert ours[:, 0].all()


def test_a_part_of_a_larger_cache_is_taken_where_it_lies(device: torch.device) -> None:
    cache = torch.randn(3, 2, 2, 4, 50, 16, device=device)
    lengths = torch.tensor([50, 20], device=device)
    mixed = torch.randn(2, 4 * 16 + 4, device=device)  # one product gives queries and gates
    q, gate = mixed[:, :64].view(2, 4, 16), mixed[:, 64:].unsqueeze(-1)
    with using(decode_attention="triton"):
        ours = decode_attention(q, cache[1, 0], cache[1, 1], lengths, gate)
        parts = (part.clone() for part in (q, cache[1, 0], cache[1, 1], lengths, gate))
        copied = decode_attention(*parts)
    assert torch.equal(ours, copied)


def test_it_compiles_whole_and_passes_opcheck(device: torch.device) -> None:
    parts = *made((2, 2, 1, 6, 8), torch.float32, device), torch.tensor([6, 3], device=device)
    torch.library.opcheck(
        torch.ops.core_kernels.decode_attention, (*parts, None, None, None, 0.3, 0.0)
    )
    compiled = torch.compile(decode_attention, fullgraph=True, backend="aot_eager")
    assert_close(compiled(*parts), decode_attention(*parts))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_captured_graph_reads_lengths_when_it_is_replayed(device: torch.device) -> None:
    q, keys, values = made((2, 4, 4, 600, 64), torch.float16, device)
    lengths = torch.tensor([1, 600], device=device)
    decode_attention(q, keys, values, lengths)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = decode_attention(q, keys, values, lengths)
    lengths.copy_(torch.tensor([400, 3], device=device))
    graph.replay()
    assert_close(out, formula(q, keys, values, lengths))


def test_shapes_and_requests_that_do_not_fit_are_refused_by_name(device: torch.device) -> None:
    q, keys, values = made((2, 4, 2, 6, 8), torch.float32, device)
    lengths = torch.tensor([6, 3], device=device)
    with pytest.raises(ArgumentRefused, match="G a divisor of H"):
        decode_attention(q[:, :3], keys, values, lengths)
    with pytest.raises(ArgumentRefused, match=r"lengths is torch\.float32"):
        decode_attention(q, keys, values, lengths.float())
    with pytest.raises(ArgumentRefused, match="key_scales belongs to an int8 cache"):
        decode_attention(q, keys.to(torch.int8), values.to(torch.int8), lengths)
    with pytest.raises(ArgumentRefused, match=r"give torch\.float32 or torch\.int8"):
        decode_attention(q, keys.half(), values.half(), lengths)
    with pytest.raises(ArgumentRefused, match="gate has shape"):
        decode_attention(q, keys, values, lengths, q[:, :, :2])
    with using(decode_attention="triton"), pytest.raises(NoImplementation, match="float64"):
        decode_attention(q.double(), keys.double(), values.double(), lengths)

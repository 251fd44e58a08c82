"""Layers on the operations: they compute what plain torch computes with the same weights."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core_kernels.dispatch.choice import VARIABLE
from core_kernels.errors import ArgumentRefused
from core_kernels.modules.add_norm import AddNorm
from core_kernels.modules.bart import from_bart
from core_kernels.modules.decoder import Decoder, DecoderShape
from core_kernels.modules.gated_attention import GatedAttention
from core_kernels.modules.generation import Greedy
from core_kernels.tolerances import assert_close

SMALL = {"vocabulary": 90, "positions": 40, "layers": 2, "width": 32, "heads": 4, "inner": 48}


@pytest.fixture
def quickly(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU, torch's own kernels instead of the interpreter."""
    if device.type == "cpu":
        operations = ("add_norm", "gated_attention", "decode_attention")
        backward = ("add_norm_backward", "gated_attention_backward")
        monkeypatch.setenv(VARIABLE, ",".join(f"{one}=torch" for one in operations + backward))


def made(device: torch.device, *, gated: bool = False) -> Decoder:
    decoder = Decoder(DecoderShape(**SMALL, gated=gated)).to(device)
    with torch.no_grad():
        for weight in decoder.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3)
    return decoder.eval()


def plain(decoder: Decoder, tokens: Tensor, memory: Tensor, rows: list[int]) -> Tensor:
    """The decoder's logits in plain torch: no cache, no operation of ours, fp32."""
    shape = decoder.shape
    length, head = tokens.shape[1], shape.width // shape.heads

    def heads(part: Tensor) -> Tensor:
        return part.view(*part.shape[:2], shape.heads, head).transpose(1, 2)

    def attend(q: Tensor, k: Tensor, v: Tensor, gate: Tensor, hidden: Tensor) -> Tensor:
        scores = heads(q) @ heads(k).mT / math.sqrt(head)
        out: Tensor = scores.masked_fill(hidden, float("-inf")).softmax(-1) @ heads(v)
        if gate.shape[-1]:
            out = out * gate.mT.unsqueeze(-1).sigmoid()
        return out.transpose(1, 2).flatten(2)

    def norm(module: AddNorm, total: Tensor) -> Tensor:
        return F.layer_norm(total, (shape.width,), module.weight, module.bias)

    later = torch.ones(length, length, dtype=torch.bool, device=tokens.device).triu(1)
    behind = torch.arange(memory.shape[1]) >= torch.tensor(rows)[:, None]
    behind = behind[:, None, None].to(tokens.device)
    x = decoder.tokens.weight[tokens] + decoder.positions.weight[:length]
    x = norm(decoder.first_norm, x)
    for layer in decoder._each():
        q, k, v, gate = layer.own(x).split([shape.width] * 3 + [shape.heads * shape.gated], -1)
        x = norm(layer.own_norm, x + layer.own_out(attend(q, k, v, gate, later)))
        q, gate = layer.cross(x).split([shape.width, shape.heads * shape.gated], -1)
        k, v = layer.cross_memory(memory).chunk(2, -1)
        x = norm(layer.cross_norm, x + layer.cross_out(attend(q, k, v, gate, behind)))
        x = norm(layer.norm, x + layer.outer(F.gelu(layer.inner(x))))
    return x @ decoder.tokens.weight.mT + decoder.bias


@torch.no_grad()
def written_plainly(decoder: Decoder, memory: Tensor, rows: list[int], limit: int) -> Tensor:
    tokens = torch.full((len(rows), 1), 3, device=memory.device)
    for _ in range(limit):
        latest = plain(decoder, tokens, memory, rows)[:, -1].argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, latest], 1)
    return tokens[:, 1:]


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("gated", [False, True])
def test_a_decoder_writes_the_tokens_that_plain_torch_writes(
    gated: bool, device: torch.device
) -> None:
    decoder, rows = made(device, gated=gated), [6, 1, 4]
    memory = torch.randn(3, 6, 32, device=device)
    greedy = Greedy(decoder, batch=3, capacity=30, memory_rows=6)
    ours = greedy(memory, start=3, limit=25, lengths=torch.tensor(rows, device=device))
    assert torch.equal(ours, written_plainly(decoder, memory, rows, 25))
    assert len(ours.unique()) > 5
    again = greedy(memory, start=3, limit=25, lengths=torch.tensor(rows, device=device))
    assert torch.equal(ours, again)


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("gated", [False, True])
def test_one_token_at_a_time_gives_the_logits_of_the_whole(
    gated: bool, device: torch.device
) -> None:
    decoder = made(device, gated=gated)
    tokens = torch.randint(0, 90, (2, 9), device=device)
    memory = torch.randn(2, 5, 32, device=device)
    whole = decoder(tokens, memory)
    assert_close(whole, plain(decoder, tokens, memory, [5, 5]), slack=4)
    state = decoder.state(2, 9, 5)
    decoder.remember(memory, state)
    for place in range(9):
        assert_close(decoder.step(tokens[:, place], state), whole[:, place], slack=4)


def test_triton_writes_the_same_tokens(device: torch.device) -> None:
    decoder, memory = made(device, gated=True), torch.randn(2, 3, 32, device=device)
    ours = Greedy(decoder, batch=2, capacity=4, memory_rows=3)(memory, start=3, limit=3)
    assert torch.equal(ours, written_plainly(decoder, memory, [3, 3], 3))


@pytest.mark.usefixtures("quickly")
def test_a_sequence_ends_at_its_stop_and_nothing_is_handed_out_behind_the_last(
    device: torch.device,
) -> None:
    decoder, memory = made(device), torch.randn(3, 6, 32, device=device)
    greedy = Greedy(decoder, batch=3, capacity=40, memory_rows=6)
    free = greedy(memory, start=3, limit=40)
    stop = int(free[0, 4])
    ours = greedy(memory, start=3, limit=40, stop=stop)
    ends = [row.index(stop) if stop in row else 39 for row in free.tolist()]
    assert ours.shape[1] == max(ends) + 1
    for row, whole, end in zip(ours.tolist(), free.tolist(), ends, strict=True):
        assert row[: end + 1] == whole[: end + 1]
        assert set(row[end + 1 :]) <= {stop}
    assert torch.equal(greedy(memory, start=3, limit=40), free)
    assert greedy(memory, start=3, limit=0, stop=stop).shape == (3, 0)


@pytest.mark.slow  # importing transformers takes seconds
@pytest.mark.usefixtures("quickly")
def test_the_tokens_are_those_that_transformers_generates(device: torch.device) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    shape = DecoderShape(**SMALL)  # type: ignore[arg-type]
    told = transformers.BartConfig(
        vocab_size=90, max_position_embeddings=40, encoder_layers=1, decoder_layers=2, d_model=32,
        encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=8, decoder_ffn_dim=48,
        init_std=0.3, forced_eos_token_id=None, eos_token_id=None, pad_token_id=1, bos_token_id=0,
        decoder_start_token_id=3,
    )  # fmt: skip
    theirs = transformers.BartForConditionalGeneration(told).eval().to(device)
    theirs.final_logits_bias.normal_()
    decoder = Decoder(shape).eval().to(device)
    decoder.load_state_dict(from_bart(theirs.state_dict(), shape))
    memory = torch.randn(2, 6, 32, device=device)
    encoded = transformers.modeling_outputs.BaseModelOutput(last_hidden_state=memory)
    expected = theirs.generate(
        encoder_outputs=encoded, max_new_tokens=30, do_sample=False, num_beams=1
    )
    ours = Greedy(decoder, batch=2, capacity=40, memory_rows=6)(memory, start=3, limit=30)
    assert torch.equal(ours, expected[:, 1:])
    assert len(ours.unique()) > 5


@pytest.mark.usefixtures("quickly")
def test_a_gated_decoder_learns_and_compiles_whole(device: torch.device) -> None:
    decoder = made(device, gated=True).train()
    tokens = torch.randint(0, 90, (2, 7), device=device)
    memory = torch.randn(2, 5, 32, device=device, requires_grad=True)
    mask = torch.arange(5, device=device) < torch.tensor([[5], [2]], device=device)

    def loss(run: Callable[..., Tensor]) -> Tensor:
        logits = run(tokens[:, :-1], memory, mask)
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())

    eager = loss(decoder)
    wanted = torch.autograd.grad(eager, [memory, *decoder.parameters()])
    expected = F.cross_entropy(
        plain(decoder, tokens[:, :-1], memory, [5, 2]).flatten(0, 1), tokens[:, 1:].flatten()
    )
    assert_close(eager, expected, slack=4)
    truth = torch.autograd.grad(expected, [memory, *decoder.parameters()])
    for ours, theirs in zip(wanted, truth, strict=True):
        assert_close(ours, theirs, slack=20)
    assert not wanted[0][1, 2:].any()
    compiled = torch.compile(decoder, fullgraph=True, backend="aot_eager")
    assert_close(loss(compiled), eager)


@pytest.mark.usefixtures("quickly")
def test_compiled_tokens_are_those_of_eager_mode(device: torch.device) -> None:
    decoder = made(device, gated=True)
    memory = torch.randn(2, 6, 32, device=device)
    room: dict[str, Any] = {"batch": 2, "capacity": 30, "memory_rows": 6}
    eager = Greedy(decoder, **room)(memory, start=3, limit=12)
    compiled = Greedy(decoder, compiled="aot_eager", **room)
    for _ in range(2):
        assert torch.equal(compiled(memory, start=3, limit=12), eager)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_replayed_token_is_the_eager_one_in_fp16(device: torch.device) -> None:
    decoder = made(device, gated=True).half()
    memory = torch.randn(2, 6, 32, device=device).half()
    greedy = Greedy(decoder, batch=2, capacity=30, memory_rows=6)
    ours = greedy(memory, start=3, limit=25)
    assert greedy._graph is not None
    state, token, eager = decoder.state(2, 30, 6), torch.full((2,), 3, device=device), []
    decoder.remember(memory, state)
    for _ in range(25):
        token = decoder.step(token, state).argmax(-1)
        eager.append(token)
    assert torch.equal(ours, torch.stack(eager, 1))


def test_what_a_decoder_has_no_room_for_is_refused(device: torch.device) -> None:
    decoder = made(device)
    with pytest.raises(ArgumentRefused, match="capacity=41; give 1 to 40"):
        decoder.state(1, 41, 3)
    with pytest.raises(
        ArgumentRefused, match="memory has 2 × 3 rows; this state has room for 1 × 3"
    ):
        decoder.remember(torch.zeros(2, 3, 32, device=device), decoder.state(1, 8, 3))
    greedy = Greedy(decoder, batch=1, capacity=8, memory_rows=3)
    with pytest.raises(ArgumentRefused, match="limit=9; give 0 to 8"):
        greedy(torch.zeros(1, 3, 32, device=device), start=0, limit=9)
    with pytest.raises(ArgumentRefused, match="width=30 must be a multiple of heads=4"):
        DecoderShape(vocabulary=1, positions=1, width=30, heads=4)
    with pytest.raises(ArgumentRefused, match=r"no weight 'model\.decoder\.embed_tokens"):
        from_bart({}, decoder.shape)
    with pytest.raises(ArgumentRefused, match="BART has no gates"):
        from_bart({}, DecoderShape(vocabulary=1, positions=1, gated=True))


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("cross", [False, True])
def test_gated_attention_as_a_layer_shuts_heads_only_after_training(
    cross: bool, device: torch.device
) -> None:
    layer = GatedAttention(16, 2, cross=cross, causal=not cross).to(device)
    x = torch.randn(2, 5, 16, device=device)
    memory = torch.randn(2, 7, 16, device=device) if cross else None
    with torch.no_grad():
        layer.own.weight[-2:], layer.own.bias[-2:] = 0.0, torch.tensor([2.0, -9.0], device=device)
        layer.out.weight.copy_(torch.eye(16))
        layer.out.bias.zero_()
    open_heads = layer.train()(x, memory)
    assert open_heads[..., 8:].ne(0).all()
    shut_heads = layer.eval()(x, memory)
    assert not shut_heads[..., 8:].any()
    assert_close(shut_heads[..., :8], open_heads[..., :8])
    mixed = layer.own(x)
    keys, values = (mixed[..., 16:48] if memory is None else layer.memory(memory)).chunk(2, -1)  # type: ignore[misc]
    q, k, v = (part[..., :8].unsqueeze(1).contiguous() for part in (mixed, keys, values))
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=not cross).squeeze(1)
    assert_close(open_heads[..., :8], expected * torch.sigmoid(torch.tensor(2.0)), slack=2)
    with pytest.raises(ArgumentRefused, match="takes a memory"):
        layer(x, None if cross else x)


def test_a_layer_refuses_heads_that_do_not_divide_its_width() -> None:
    with pytest.raises(ArgumentRefused, match="width=10 must be a multiple of heads=3"):
        GatedAttention(10, 3)

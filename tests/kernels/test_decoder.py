"""`decoder` against its fp32 formula and `Decoder.forward`, token by token."""

import copy

import pytest
import torch
from torch import Tensor

from core_kernels.dispatch.capabilities import Capabilities
from core_kernels.dispatch.choice import choose, using
from core_kernels.dispatch.decoder import FIRST, LAYER, MOST, decoder
from core_kernels.dispatch.registry import Facts, implementations
from core_kernels.errors import ArgumentRefused, NoImplementation
from core_kernels.modules.decoder import Decoder, DecoderShape, DecoderState, Writing
from core_kernels.tolerances import assert_close

CPU = torch.device("cpu")
DTYPES = [torch.float16, torch.float32]
if torch.cuda.is_available():
    DTYPES.append(torch.bfloat16)


def made(device: torch.device, **more: object) -> Decoder:
    """A decoder of odd sizes."""
    sizes: dict[str, object] = {
        "vocabulary": 83, "positions": 12, "layers": 2, "width": 36, "heads": 3, "inner": 50,
    }  # fmt: skip
    module = Decoder(DecoderShape(**{**sizes, **more}))  # type: ignore[arg-type]
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_(0, 0.3).add_(1.0 if weight.dim() == 1 else 0.0)
    return module.to(device).eval()


def started(module: Decoder, memory: Tensor, rows: list[int], capacity: int) -> DecoderState:
    state = module.state(len(memory), capacity, memory.shape[1])
    module.remember(memory, state, torch.tensor(rows, device=memory.device))
    return state


def whole(module: Decoder, tokens: Tensor, memory: Tensor, rows: list[int]) -> Tensor:
    """The logits of `Decoder.forward`."""
    mask = torch.arange(memory.shape[1], device=memory.device)
    mask = mask < torch.tensor(rows, device=memory.device)[:, None]
    with torch.no_grad(), using(add_norm="reference", gated_attention="reference"):
        logits: Tensor = module(tokens, memory, mask)
    return logits


@pytest.mark.parametrize("name", ["triton", "layers", "reference"])
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("rows", [[1], [7, 2], [5, 7, 3]])
def test_token_by_token_it_gives_the_logits_of_the_whole(
    rows: list[int], gated: bool, name: str, device: torch.device
) -> None:
    module = made(CPU if name == "layers" else device, gated=gated)
    memory = torch.randn(len(rows), max(rows), 36).to(module.bias.device)
    tokens = torch.randint(0, 83, (len(rows), 6), device=memory.device)
    expected = whole(module, tokens, memory, rows)
    state = started(module, memory, rows, 6)  # the last token fills the cache
    operations = {"add_norm": "torch", "decode_attention": "torch"} if name == "layers" else {}
    with using(decoder=name, **operations):
        for place in range(6):
            logits, likeliest = module.advance(tokens[:, place], state)
            assert_close(logits, expected[:, place], slack=4)
            assert torch.equal(likeliest, logits.argmax(-1))
    assert state.position.tolist() == [6]
    assert state.lengths.tolist() == [6] * len(rows)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "sizes",
    [
        {"width": 64, "heads": 1, "inner": 300},
        {"width": 20, "heads": 5, "vocabulary": 7, "gated": True},
        {"width": 48, "heads": 2, "vocabulary": 1, "layers": 1, "inner": 1},
    ],
)
def test_the_kernels_are_the_formula(
    sizes: dict[str, object], dtype: torch.dtype, device: torch.device
) -> None:
    narrow = made(device, **sizes).to(dtype)
    wide = copy.deepcopy(narrow).float()
    memory = torch.randn(2, 3, narrow.shape.width, device=device).to(dtype)
    state, exact = (started(one, memory.to(one.bias.dtype), [3, 2], 5) for one in (narrow, wide))
    tokens = torch.randint(0, narrow.shape.vocabulary, (4, 2), device=device)
    for latest in tokens:
        with using(decoder="triton"):
            logits = narrow.step(latest, state)
        with using(decoder="reference"):
            expected = wide.step(latest, exact)
        assert logits.dtype == dtype
        assert_close(logits, expected, slack=4)
        assert_close(state.own, exact.own, slack=4)


def test_a_long_cache_is_the_formula(device: torch.device) -> None:
    module = made(device, positions=300, layers=1)
    memory = torch.randn(1, 150, 36, device=device)
    state, exact = (started(module, memory, [149], 290) for _ in range(2))
    state.own.normal_()
    exact.own.copy_(state.own)
    token = torch.tensor([5], device=device)
    for place in (0, 63, 64, 127, 128, 129, 288, 289):
        for one in (state, exact):
            one.position.fill_(place)
            one.lengths.fill_(place)
        with using(decoder="triton"):
            logits = module.step(token, state)
        with using(decoder="reference"):
            assert_close(logits, module.step(token, exact), slack=4)
        assert_close(state.own, exact.own, slack=4)


def test_a_sequence_gets_the_same_bits_alone_beside_others_and_again(device: torch.device) -> None:
    module = made(device, gated=True).half()
    memory = torch.randn(3, 4, 36, device=device).half()
    tokens = torch.randint(0, 83, (3, 3), device=device)
    rows = [4, 1, 3]

    def written(some: slice) -> Tensor:
        state = started(module, memory[some], rows[some], 5)
        with using(decoder="triton"):
            return torch.stack([module.step(latest[some], state) for latest in tokens])

    together = written(slice(0, 3))
    assert torch.equal(together, written(slice(0, 3)))
    for one in range(3):
        assert torch.equal(together[:, one : one + 1], written(slice(one, one + 1)))


def test_what_lies_behind_the_caches_ends_is_never_seen(device: torch.device) -> None:
    module = made(device)
    memory = torch.randn(2, 4, 36, device=device)
    tokens = torch.tensor([4, 9], device=device)
    for name in ("triton", "reference"):
        clean, spoilt = (started(module, memory, [4, 2], 6) for _ in range(2))
        spoilt.own.fill_(float("nan"))
        spoilt.cross[:, :, 1, :, 2:] = float("nan")
        with using(decoder=name):
            for _ in range(2):
                ours = module.step(tokens, spoilt)
                assert torch.isfinite(ours).all()
                assert torch.equal(ours, module.step(tokens, clean))


def test_of_equal_logits_the_first_is_the_likeliest(device: torch.device) -> None:
    module = made(device, vocabulary=150)
    with torch.no_grad():
        module.tokens.weight[40:] = module.tokens.weight[40]
        module.bias[:] = 0.0
        module.bias[40:] = 50.0
    state = started(module, torch.randn(1, 2, 36, device=device), [2], 4)
    token = torch.tensor([1], device=device)
    with using(decoder="triton"):
        assert module.advance(token, state)[1].tolist() == [40]
        with torch.no_grad():
            module.bias[131] = float("nan")
        assert module.advance(token, state)[1].tolist() == [131]


@pytest.mark.parametrize("name", ["triton", "layers", "reference"])
def test_what_is_written_ends_at_its_stop(name: str, device: torch.device) -> None:
    module = made(CPU if name == "layers" else device)
    device = module.bias.device
    memory = torch.randn(3, 4, 36).to(device)
    operations = {"add_norm": "torch", "decode_attention": "torch"} if name == "layers" else {}

    def written(stop: int) -> tuple[list[list[int]], list[bool]]:
        state = started(module, memory, [4, 1, 3], 5)
        into = Writing(
            written=torch.full((3, 5), 7, device=device),
            ended=torch.zeros(3, dtype=torch.bool, device=device),
            stop=torch.tensor(stop, device=device),
        )
        tokens = torch.tensor([1, 2, 3], device=device)
        for place in range(4):
            likeliest = module.advance(tokens, state, into)[1]
            assert torch.equal(tokens, likeliest)
            assert torch.equal(into.written[:, place], likeliest)
        return into.written.tolist(), into.ended.tolist()

    with using(decoder=name, **operations):
        free, ended = written(-1)
        assert ended == [False] * 3
        assert [row[4] for row in free] == [7] * 3
        stop = free[1][1]
        for row, whole, over in zip(*(written(stop)[0], free, written(stop)[1]), strict=True):
            end = whole.index(stop) if stop in whole[:4] else 3
            assert row == [*whole[: end + 1], *[stop] * (3 - end), 7]
            assert over == (stop in whole[:4])


def test_few_sequences_go_through_the_kernels_and_many_layer_by_layer() -> None:
    able = Capabilities(device="cuda", name="a GPU", compute=(9, 0), triton=True)
    offered = implementations("decoder")
    few = choose("decoder", Facts(dtype=torch.float16), able, offered)
    many = choose("decoder", Facts(dtype=torch.float16, traits=frozenset({"many"})), able, offered)
    assert (few.name, many.name) == ("triton", "layers")
    slow = Capabilities(device="cpu", name="cpu", triton=True, interpreted=True)
    assert choose("decoder", Facts(), slow, offered).name == "layers"


def test_more_sequences_than_the_kernels_take_are_refused_to_them(device: torch.device) -> None:
    module = made(device, layers=1)
    for batch, fits in ((MOST, True), (MOST + 1, False)):
        memory = torch.randn(batch, 2, 36, device=device)
        state = started(module, memory, [2] * batch, 2)
        tokens = torch.zeros(batch, dtype=torch.int64, device=device)
        with using(decoder="triton"):
            if fits:
                assert module.step(tokens, state).shape == (batch, 83)
            else:
                with pytest.raises(NoImplementation, match=f"more than {MOST} sequences"):
                    module.step(tokens, state)


def test_a_decoder_hands_its_weights_out_in_the_order_of_their_names(device: torch.device) -> None:
    module = made(device)
    named = dict(module.named_parameters())
    names = [*FIRST, *(f"layers.{at}.{name}" for at in range(2) for name in LAYER)]
    assert [id(one) for one in module._weights()] == [id(named[name]) for name in names]
    assert {name for name in named if name not in names} == {
        f"layers.{at}.cross_memory.{kind}" for at in range(2) for kind in ("weight", "bias")
    }


def test_it_compiles_whole_and_passes_opcheck(device: torch.device) -> None:
    module = made(device)
    state = started(module, torch.randn(1, 2, 36, device=device), [2], 4)
    token = torch.tensor([3], device=device)
    parts = state.own, state.cross, state.lengths, state.cross_lengths, state.position
    weights = [one.detach() for one in module._weights()]
    torch.library.opcheck(
        torch.ops.core_kernels.decoder, (token, weights, *parts, None, None, None, 1e-5)
    )
    state.restart()
    expected = module.step(token, state)
    state.restart()
    compiled = torch.compile(decoder, fullgraph=True, backend="aot_eager")
    assert_close(compiled(token, weights, *parts)[0], expected)
    assert state.position.tolist() == [1]


def test_shapes_that_do_not_fit_are_refused_by_name(device: torch.device) -> None:
    module = made(device)
    state = started(module, torch.randn(1, 2, 36, device=device), [2], 4)
    token, weights = torch.tensor([3], device=device), module._weights()
    rest = state.lengths, state.cross_lengths, state.position
    with pytest.raises(ArgumentRefused, match="weights are 40; give 5 and 18 for each layer"):
        decoder(token, weights[:-1], state.own, state.cross, *rest)
    with pytest.raises(ArgumentRefused, match=r"own is .* give \[2, 2, B, H, rows, D\]"):
        decoder(token, weights, state.own[:1], state.cross, *rest)
    with pytest.raises(ArgumentRefused, match=r"position is torch\.int64 \[2\]; give .* \[1\]"):
        decoder(token, weights, state.own, state.cross, *rest[:2], state.position.repeat(2))
    with pytest.raises(ArgumentRefused, match="written, ended and stop belong together"):
        decoder(token, weights, state.own, state.cross, *rest, written=token.expand(1, 4))
    with pytest.raises(ArgumentRefused, match=r"cross is torch\.float64; give torch\.float32"):
        decoder(token, weights, state.own, state.cross.double(), *rest)

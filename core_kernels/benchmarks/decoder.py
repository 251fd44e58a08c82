"""A decoder that writes 256 tokens: layer by layer, and against `generate` of transformers.

Six layers, 512 wide, attention to a memory: BART's decoder; and the gated one of report drafting.
Tokens must be identical in fp32; in fp16 wherever the two likeliest are further apart than rounding
reaches. What takes long to set up comes last: torch's compiler, for `generate` and for ours.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from core_kernels.benchmarks.harness import Case, Goal, Run
from core_kernels.dispatch.choice import using
from core_kernels.dispatch.decoder import MOST
from core_kernels.modules.bart import from_bart
from core_kernels.modules.decoder import Decoder, DecoderShape
from core_kernels.modules.generation import Greedy
from core_kernels.tolerances import TOLERANCES, assert_close

_START = 2
_MEMORY_ROWS = 64
_COMPILED = "generate, compiled with a static cache"

#: Milliseconds a token, batch 1, in fp16; and of the decoder of report drafting.
GOAL_MS = 0.20
REPORT_GOAL_MS = 0.25


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """Batch 1 first, then the report's, single tokens of more, 16, and compilers at the end."""
    shape = DecoderShape(
        vocabulary=512 if quick else 32_000,
        positions=1024,
        layers=2 if quick else 6,
        width=64 if quick else 512,
        heads=2 if quick else 8,
        inner=128 if quick else 2048,
    )
    limit = 12 if quick else 256
    theirs = _transformers(shape, device)
    decoder = _made(shape, device)
    if theirs is not None:
        decoder.load_state_dict(from_bart(theirs.state_dict(), shape))
    dtypes = [torch.float16, torch.float32] if device.type == "cuda" else [torch.float32]
    alone = {batch: _Side(decoder, batch, limit) for batch in (1, 16)}
    for dtype in dtypes:
        yield alone[1].case(dtype)
    report = replace(
        shape, gated=True, vocabulary=min(2000, shape.vocabulary), layers=min(4, shape.layers),
        width=min(384, shape.width), heads=min(6, shape.heads), inner=min(1536, shape.inner),
    )  # fmt: skip
    yield _Side(_made(report, device), 1, limit).case(dtypes[0], goal=REPORT_GOAL_MS)
    for dtype in dtypes:
        for batch in (1, 2) if quick else (1, MOST):
            yield _one_token(decoder, dtype, batch, limit)
    if quick:
        return
    yield alone[16].case(dtypes[0])
    if device.type != "cuda":
        return
    if theirs is not None:
        for dtype in dtypes:
            yield alone[1].case(dtype, theirs=theirs)
    yield alone[1].case(dtypes[0], compiled=True)


def _made(shape: DecoderShape, device: torch.device) -> Decoder:
    decoder = Decoder(shape).to(device).eval()
    for weight in decoder.parameters():
        torch.nn.init.normal_(weight, 0, 0.05 if weight.dim() > 1 else 0.1)
    return decoder


def _transformers(shape: DecoderShape, device: torch.device) -> Any:
    """A BART of that decoder, or None where transformers is not installed."""
    if find_spec("transformers") is None:
        return None
    library = import_module("transformers")
    told = library.BartConfig(
        vocab_size=shape.vocabulary, max_position_embeddings=shape.positions, encoder_layers=1,
        decoder_layers=shape.layers, d_model=shape.width, encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads, encoder_ffn_dim=16, decoder_ffn_dim=shape.inner,
        init_std=0.05, forced_eos_token_id=None, eos_token_id=None, pad_token_id=1, bos_token_id=0,
        decoder_start_token_id=_START,
    )  # fmt: skip
    return library.BartForConditionalGeneration(told).to(device).eval()


def _layered(run: Callable[[], Any]) -> Any:
    """`run` layer by layer through the other operations."""
    with using(decoder="layers"):
        return run()


def _named(shape: DecoderShape) -> str:
    return f"{shape.layers} layers, {shape.width} wide{', gated' if shape.gated else ''}"


def _weights(decoder: Decoder, dtype: torch.dtype) -> int:
    """The bytes of weights that a token reads."""
    read = (
        weight
        for name, weight in decoder.named_parameters()
        if "cross_memory" not in name and not name.startswith("positions")
    )
    return sum(weight.numel() for weight in read) * dtype.itemsize


def _one_token(decoder: Decoder, dtype: torch.dtype, batch: int, limit: int) -> Case:
    """The operation alone behind a full cache, as a replayed graph."""
    narrow, device = deepcopy(decoder).to(dtype), decoder.bias.device
    memory = torch.randn(batch, _MEMORY_ROWS, decoder.shape.width, device=device)
    tokens = torch.arange(batch, device=device)
    state, exact = (one.state(batch, limit, _MEMORY_ROWS) for one in (narrow, decoder))
    narrow.remember(memory.to(dtype), state)
    state.own.normal_()

    def check() -> None:
        for side in (exact, state):
            side.position.fill_(limit - 1)
            side.lengths.fill_(limit - 1)
        for own, other in ((exact.own, state.own), (exact.cross, state.cross)):
            own.copy_(other)
        ours = narrow.step(tokens, state)
        with using(decoder="reference"):
            assert_close(ours, decoder.step(tokens, exact), slack=4)

    def ours() -> Tensor:
        # Every replay writes the last row of the cache.
        state.position.fill_(limit - 1)
        state.lengths.fill_(limit - 1)
        return narrow.step(tokens, state)

    return Case(
        operation="decoder",
        label=f"{_named(decoder.shape)}, one token behind {limit}, batch {batch}, {dtype}",
        ours=ours,
        peers={"layer by layer": lambda: _layered(ours)},
        check=check,
        bytes=_weights(decoder, dtype),
        units=batch,
        graph=True,
        cold=False,
    )


class _Side:
    """A decoder in fp32 and what it writes after some memories, computed once."""

    def __init__(self, decoder: Decoder, batch: int, limit: int) -> None:
        self.decoder, self.batch, self.limit = decoder, batch, limit
        width = decoder.shape.width
        self.memory = torch.randn(batch, _MEMORY_ROWS, width, device=decoder.bias.device)
        self.plain: Tensor | None = None

    def greedy(self, dtype: torch.dtype, compiled: bool = False) -> Greedy:
        return Greedy(
            deepcopy(self.decoder).to(dtype),
            batch=self.batch, capacity=self.limit, memory_rows=_MEMORY_ROWS,
            compiled="inductor" if compiled else None,
        )  # fmt: skip

    def written(self) -> Tensor:
        """The tokens in fp32, layer by layer."""
        if self.plain is None:
            run = partial(self.greedy(torch.float32), start=_START, limit=self.limit)
            self.plain = _layered(lambda: run(self.memory))
        return self.plain

    def case(
        self, dtype: torch.dtype, *, goal: float = GOAL_MS, theirs: Any = None,
        compiled: bool = False,
    ) -> Case:  # fmt: skip
        """Ours beside the path layer by layer, or, with `theirs`, beside `generate`."""
        decoder, limit, memory = self.decoder, self.limit, self.memory
        narrow = memory.to(dtype)
        write = partial(self.greedy(dtype, compiled), narrow, start=_START, limit=limit)
        # Whichever path a graph was recorded with is the one it replays.
        layered = partial(self.greedy(dtype), narrow, start=_START, limit=limit)
        peers: dict[str, Run | None] = {"layer by layer": lambda: _layered(layered)}
        generate = (
            None if theirs is None else _generating(deepcopy(theirs).to(dtype), narrow, limit)
        )
        if generate:
            peers = {
                "generate": generate,
                _COMPILED: partial(generate, cache_implementation="static"),
            }

        def check() -> None:
            same(write(), self.written(), decoder, memory, dtype)
            if generate:
                same(write(), generate(), decoder, memory, dtype)

        goals = []
        if theirs is not None:
            goals.append(Goal(ratio=3, peer=_COMPILED))
        elif self.batch == 1 and dtype == torch.float16 and not compiled:
            goals.append(Goal(milliseconds=goal * limit))
        more = ", beside generate" if theirs is not None else ""
        return Case(
            operation="decoder",
            label=f"{_named(decoder.shape)}, {limit} tokens, batch {self.batch}, {dtype}"
            f"{', through torch.compile' if compiled else more}",
            ours=write,
            peers=peers,
            check=check,
            bytes=limit * _weights(decoder, dtype),
            units=limit * self.batch,
            goals=tuple(goals),
            cold=False,
        )


def _generating(model: Any, memory: Tensor, limit: int) -> Callable[..., Tensor]:
    """`generate` of transformers; it compiles a static cache by itself."""

    def generate(**more: object) -> Tensor:
        output = import_module("transformers.modeling_outputs").BaseModelOutput
        told: Tensor = model.generate(
            encoder_outputs=output(last_hidden_state=memory), max_new_tokens=limit,
            do_sample=False, num_beams=1, **more,
        )  # fmt: skip
        return told[:, 1:]

    return generate


@torch.no_grad()
def same(
    ours: Tensor, theirs: Tensor, decoder: Decoder, memory: Tensor, dtype: torch.dtype
) -> None:
    """Raise AssertionError unless both wrote the same tokens, up to a choice that was a tie.

    Where they part, the fp32 logits of the two choices must lie within the rounding of `dtype`; in
    fp32 they may not part at all. What follows differs for good reason and is not compared.
    """
    for sequence in range(len(ours)):
        apart = (ours[sequence] != theirs[sequence]).nonzero()
        if not len(apart):
            continue
        place = int(apart[0])
        before = torch.cat([ours.new_tensor([_START]), ours[sequence, :place]])
        logits = decoder(before[None], memory[sequence][None])[0, -1]
        margin = (logits[ours[sequence, place]] - logits[theirs[sequence, place]]).abs().item()
        rounding = 4 * TOLERANCES[dtype][1] * max(1.0, logits.abs().max().item())
        if dtype == torch.float32 or margin > rounding:
            raise AssertionError(
                f"sequence {sequence} parts at token {place}: {int(ours[sequence, place])} and "
                f"{int(theirs[sequence, place])}, {margin:.2e} apart (rounding {rounding:.2e})"
            )

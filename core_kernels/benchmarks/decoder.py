"""A decoder that writes 256 tokens against `generate` of transformers with the same weights.

Six layers, 512 wide, attention to a memory: BART's decoder. Tokens must be identical in fp32; in
fp16 wherever the two likeliest are further apart than rounding reaches.
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from core_kernels.benchmarks.harness import Case, Goal, Run
from core_kernels.modules.bart import from_bart
from core_kernels.modules.decoder import Decoder, DecoderShape
from core_kernels.modules.generation import Greedy
from core_kernels.tolerances import TOLERANCES

_START = 2

#: Milliseconds a token, batch 1.
GOAL_MS = 0.20


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """Batch 1 and 16; without transformers ours alone, against plain torch."""
    shape = DecoderShape(
        vocabulary=512 if quick else 32_000,
        positions=1024,
        layers=2 if quick else 6,
        width=64 if quick else 512,
        heads=2 if quick else 8,
        inner=128 if quick else 2048,
    )
    theirs = _transformers(shape, device)
    decoder = Decoder(shape).to(device).eval()
    if theirs is None:
        for weight in decoder.parameters():
            torch.nn.init.normal_(weight, 0, 0.05 if weight.dim() > 1 else 0.1)
    else:
        decoder.load_state_dict(from_bart(theirs.state_dict(), shape))
    dtypes = [torch.float32, torch.float16] if device.type == "cuda" else [torch.float32]
    for dtype in dtypes:
        for batch in (1, 16):
            if quick and batch != 1:
                continue
            yield _case(decoder, theirs, dtype, batch, 12 if quick else 256)
            if device.type == "cuda" and batch == 1 and not quick:
                yield _case(decoder, theirs, dtype, batch, 256, compiled=True)


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


def _case(
    decoder: Decoder, theirs: Any, dtype: torch.dtype, batch: int, limit: int, *,
    compiled: bool = False,
) -> Case:  # fmt: skip
    shape, device = decoder.shape, decoder.bias.device
    memory = torch.randn(batch, 64, shape.width, device=device)
    narrow = memory.to(dtype)

    def of_dtype(module: Any) -> Any:
        copy = import_module("copy").deepcopy(module)
        return copy.to(dtype)

    room: dict[str, Any] = {"batch": batch, "capacity": limit, "memory_rows": 64}
    greedy = Greedy(of_dtype(decoder), compiled="inductor" if compiled else None, **room)
    peers: dict[str, Run | None] = {
        "generate": None,
        "generate, compiled with a static cache": None,
    }
    model: Any = None if theirs is None else of_dtype(theirs)

    def generate(**more: object) -> Tensor:
        output = import_module("transformers.modeling_outputs").BaseModelOutput
        told: Tensor = model.generate(
            encoder_outputs=output(last_hidden_state=narrow), max_new_tokens=limit,
            do_sample=False, num_beams=1, **more,
        )  # fmt: skip
        return told[:, 1:]

    if model is not None:
        peers["generate"] = generate
        if device.type == "cuda":  # where `generate` compiles a static cache by itself
            peers["generate, compiled with a static cache"] = lambda: generate(
                cache_implementation="static"
            )

    def ours() -> Tensor:
        return greedy(narrow, start=_START, limit=limit)

    def check() -> None:
        plain = Greedy(decoder, **room)
        same(ours(), plain(memory, start=_START, limit=limit), decoder, memory, dtype)
        if model is not None:
            same(ours(), generate(), decoder, memory, dtype)

    goals = [Goal(ratio=3, peer="generate, compiled with a static cache")]
    if batch == 1 and dtype == torch.float16:
        goals.append(Goal(milliseconds=GOAL_MS * limit))
    weights = sum(one.numel() for one in decoder.parameters()) - decoder.positions.weight.numel()
    return Case(
        operation="decoder",
        label=f"{shape.layers} layers, {shape.width} wide, {limit} tokens, batch {batch}, {dtype}"
        f"{', through torch.compile' if compiled else ''}",
        ours=ours,
        peers=peers,
        check=check,
        bytes=limit * weights * dtype.itemsize,
        units=limit * batch,
        goals=tuple(goals) if device.type == "cuda" else (),
        cold=False,
    )


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

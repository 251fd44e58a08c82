"""Milliseconds a token: the decoder of the report model against `generate` of transformers.

Both have the same weights, BART's decoder at the size of the report's (without gates, which BART
does not have). The tokens must be the same until the reference's two likeliest lie closer together
than rounding reaches.
"""

import copy
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor
from transformers import BartConfig, BartForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput

from apps.report_gen.inference.shape import Shape
from core_kernels.modules.bart import from_bart
from core_kernels.modules.decoder import Decoder, DecoderShape
from core_kernels.modules.generation import Greedy

START: Final = 2
MEMORY_ROWS: Final = 64
GOAL_MS: Final = 0.25
GOAL_RATIO: Final = 15.0
_ROUNDING: Final = {torch.float32: 1e-4, torch.bfloat16: 0.25, torch.float16: 0.03}


def compare_writing(shape: Shape, device: str, tokens: int, times: int) -> dict[str, Any]:
    """The figures; both sides in turns.

    Raises:
        RuntimeError: the two sides write different tokens where the choice was clear.
    """
    torch.manual_seed(0)
    decoder, theirs = _pair(shape, tokens)
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    memory = torch.randn(1, MEMORY_ROWS, shape.width)
    exact = copy.deepcopy(decoder).eval()
    narrow = memory.to(device, dtype)
    greedy = Greedy(
        decoder.to(device, dtype).eval(), batch=1, capacity=tokens, memory_rows=MEMORY_ROWS
    )
    model = theirs.to(device, dtype).eval()

    def ours() -> Tensor:
        return greedy(narrow, start=START, limit=tokens)

    def generate() -> Tensor:
        said: Tensor = model.generate(
            encoder_outputs=BaseModelOutput(last_hidden_state=narrow), max_new_tokens=tokens,
            do_sample=False, num_beams=1,
        )  # fmt: skip
        return said[:, 1:]

    same = _same(ours().cpu(), generate().cpu(), exact, memory, _ROUNDING[dtype])
    mine, other = [], []
    for _ in range(times):
        mine.append(_seconds(ours, device))
        other.append(_seconds(generate, device))
    a_token = 1000 * statistics.median(mine) / tokens
    ratio = statistics.median(other) / statistics.median(mine)
    return {
        "tokens": tokens,
        "same_tokens": same,
        "ms_a_token": round(a_token, 3),
        "generate_ms_a_token": round(1000 * statistics.median(other) / tokens, 3),
        "ratio": round(ratio, 2),
        "goal_ms_on_h100": GOAL_MS,
        "goal_ratio_on_h100": GOAL_RATIO,
    }


def _pair(shape: Shape, tokens: int) -> tuple[Decoder, Any]:
    told = DecoderShape(
        vocabulary=shape.vocabulary, positions=max(tokens + 2, 16), layers=shape.decoder_layers,
        width=shape.width, heads=shape.heads, inner=4 * shape.width,
    )  # fmt: skip
    config = BartConfig(
        vocab_size=told.vocabulary, max_position_embeddings=told.positions, encoder_layers=1,
        decoder_layers=told.layers, d_model=told.width, encoder_attention_heads=told.heads,
        decoder_attention_heads=told.heads, encoder_ffn_dim=16, decoder_ffn_dim=told.inner,
        init_std=0.05, forced_eos_token_id=None, eos_token_id=None, pad_token_id=1, bos_token_id=0,
        decoder_start_token_id=START,
    )  # fmt: skip
    theirs: Any = BartForConditionalGeneration(config)
    theirs.eval()
    decoder = Decoder(told).eval()
    decoder.load_state_dict(from_bart(theirs.state_dict(), told))
    return decoder, theirs


@torch.no_grad()
def _same(ours: Tensor, theirs: Tensor, exact: Decoder, memory: Tensor, rounding: float) -> int:
    """How many tokens are the same, up to a choice that was a tie."""
    apart = (ours[0] != theirs[0]).nonzero()
    if not len(apart):
        return ours.shape[1]
    place = int(apart[0])
    before = torch.cat([ours.new_tensor([START]), ours[0, :place]])
    logits = exact(before[None], memory)[0, -1]
    best = logits.topk(2).values
    if float(best[0] - best[1]) > rounding:
        raise RuntimeError(f"The two sides part at token {place} where the choice was clear.")
    return place


def _seconds(run: Callable[[], Tensor], device: str) -> float:
    start = time.perf_counter()
    run()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - start

"""Weights of a BART decoder as weights of `Decoder`."""

from collections.abc import Mapping

import torch
from torch import Tensor

from core_kernels.errors import ArgumentRefused
from core_kernels.modules.decoder import DecoderShape

#: BART keeps two rows before the first position.
_OFFSET = 2


def from_bart(weights: Mapping[str, Tensor], shape: DecoderShape) -> dict[str, Tensor]:
    """The ``state_dict`` of a `Decoder` without gates from one of BART for conditional generation.

    Activation gelu, embeddings not scaled, output tied to the embedding, as `Decoder` has it.

    Raises:
        ArgumentRefused: `shape` has gates, or a weight is missing.
    """
    if shape.gated:
        raise ArgumentRefused("BART has no gates; give a shape with gated=False.")

    def take(name: str) -> Tensor:
        full = name if name == "final_logits_bias" else f"model.decoder.{name}"
        if full not in weights:
            raise ArgumentRefused(f"There is no weight {full!r}; this is no BART of that shape.")
        return weights[full].detach()

    def both(name: str) -> dict[str, Tensor]:
        return {part: take(f"{name}.{part}") for part in ("weight", "bias")}

    def joined(names: list[str]) -> dict[str, Tensor]:
        return {
            part: torch.cat([take(f"{n}.{part}") for n in names]) for part in ("weight", "bias")
        }

    found = {
        "tokens.weight": take("embed_tokens.weight"),
        "positions.weight": take("embed_positions.weight")[_OFFSET:],
        "bias": take("final_logits_bias").reshape(-1),
    }
    modules = {"first_norm": both("layernorm_embedding")}
    for number in range(shape.layers):
        theirs, ours = f"layers.{number}", f"layers.{number}"
        own, cross = f"{theirs}.self_attn", f"{theirs}.encoder_attn"
        modules |= {
            f"{ours}.own": joined([f"{own}.{part}_proj" for part in "qkv"]),
            f"{ours}.own_out": both(f"{own}.out_proj"),
            f"{ours}.own_norm": both(f"{own}_layer_norm"),
            f"{ours}.cross": both(f"{cross}.q_proj"),
            f"{ours}.cross_memory": joined([f"{cross}.{part}_proj" for part in "kv"]),
            f"{ours}.cross_out": both(f"{cross}.out_proj"),
            f"{ours}.cross_norm": both(f"{cross}_layer_norm"),
            f"{ours}.inner": both(f"{theirs}.fc1"),
            f"{ours}.outer": both(f"{theirs}.fc2"),
            f"{ours}.norm": both(f"{theirs}.final_layer_norm"),
        }
    for name, parts in modules.items():
        found |= {f"{name}.{part}": value for part, value in parts.items()}
    return found

"""The order of a decoder's weights."""

from torch import Tensor

#: What comes before the layers: tables of tokens and places, their LayerNorm, the logits' bias.
FIRST = ("tokens.weight", "positions.weight", "first_norm.weight", "first_norm.bias", "bias")

#: A layer's weights, in the order in which they are used.
LAYER = tuple(
    f"{part}.{kind}"
    for part in (
        "own", "own_out", "own_norm", "cross", "cross_out", "cross_norm", "inner", "outer", "norm",
    )
    for kind in ("weight", "bias")
)  # fmt: skip


def of_layers(weights: list[Tensor]) -> list[list[Tensor]]:
    """The weights of each layer, `LAYER`, of those that follow `FIRST`."""
    return [
        weights[start : start + len(LAYER)] for start in range(len(FIRST), len(weights), len(LAYER))
    ]

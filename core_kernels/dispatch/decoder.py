"""`decoder`: one token through a transformer decoder with caches."""

import torch
from torch import Tensor

from core_kernels.dispatch.capabilities import Capabilities
from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.registry import Facts, Implementation, needs_triton, register
from core_kernels.errors import ArgumentRefused
from core_kernels.structures.decoder_weights import FIRST, LAYER

__all__ = ["FIRST", "LAYER", "MOST", "decoder"]

#: The most sequences for which launches decide; beyond, the products of matrices do.
MOST = 4

#: The widest stream of which a program holds several rows of weights.
WIDEST = 2048


def _triton_objection(facts: Facts, able: Capabilities) -> str | None:
    if "many" in facts.traits:
        return f"there are more than {MOST} sequences"
    if "wide" in facts.traits:
        return f"the decoder is wider than {WIDEST}"
    if facts.dtype not in (torch.float16, torch.bfloat16, torch.float32):
        return f"it does not take {facts.dtype}"
    return needs_triton(facts, able)


register(
    Implementation(
        operation="decoder",
        name="triton",
        triton=True,
        run="core_kernels.triton_ops.decoder:decoder",
        rank=10,
        objection=_triton_objection,
    )
)
register(
    Implementation(
        operation="decoder",
        name="layers",
        run="core_kernels.modules.layer_by_layer:decoder",
        rank=5,
    )
)
register(
    Implementation(
        operation="decoder", name="reference", run="core_kernels.reference.decoder:decoder"
    )
)


def decoder(
    tokens: Tensor,
    weights: list[Tensor],
    own: Tensor,
    cross: Tensor,
    lengths: Tensor,
    cross_lengths: Tensor,
    position: Tensor,
    *,
    written: Tensor | None = None,
    ended: Tensor | None = None,
    stop: Tensor | None = None,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor]:
    """Logits of what follows `tokens`, and the likeliest token; the caches take the tokens in.

    The formula and the shapes are those of `reference.decoder`. Nothing waits for the device, so a
    CUDA graph can hold it. There is no gradient. Past the capacity its answers mean nothing.

    Args:
        tokens: int64 [B].
        weights: in the order `FIRST`, then `LAYER` for every layer; one dtype.
        own: [layers, 2, B, H, capacity, D], written at `position`.
        cross: [layers, 2, B, H, S, D].
        lengths, cross_lengths: int32 [B], rows of either cache that count; `lengths` goes up by 1.
        position: int64 [1], where the token goes; goes up by 1.
        written: int64 [B, capacity], where the likeliest goes at `position`, and into `tokens`.
        ended, stop: with `written`, bool [B] and int64 []: a sequence that has written `stop` has
            ended and goes on with it.

    Returns:
        logits [B, vocabulary] in the dtype of the weights; int64 [B], the likeliest, the first of
        equals.

    Raises:
        ArgumentRefused: shapes or dtypes do not fit together.
        NoImplementation: an implementation was asked for that cannot serve this call.
    """
    layers, beside = divmod(len(weights) - len(FIRST), len(LAYER))
    if layers < 1 or beside:
        raise ArgumentRefused(
            f"weights are {len(weights)}; give {len(FIRST)} and {len(LAYER)} for each layer."
        )
    width = weights[0].shape[-1]
    for name, cache in (("own", own), ("cross", cross)):
        fits = cache.dim() == 6 and cache.shape[:3] == (layers, 2, *tokens.shape)
        if not fits or cache.shape[3] * cache.shape[5] != width or not cache.is_contiguous():
            raise ArgumentRefused(
                f"{name} is {list(cache.shape)}; give [{layers}, 2, B, H, rows, D], contiguous, "
                f"for tokens {list(tokens.shape)} and H · D = {width}."
            )
        if cache.dtype != weights[0].dtype:
            raise ArgumentRefused(f"{name} is {cache.dtype}; give {weights[0].dtype}.")
    for name, count, dtype, size in (
        ("tokens", tokens, torch.int64, own.shape[2]),
        ("lengths", lengths, torch.int32, own.shape[2]),
        ("cross_lengths", cross_lengths, torch.int32, own.shape[2]),
        ("position", position, torch.int64, 1),
    ):
        if count.dtype != dtype or count.shape != (size,):
            raise ArgumentRefused(
                f"{name} is {count.dtype} {list(count.shape)}; give {dtype} [{size}]."
            )
    for name, told, kind, sizes in (
        ("written", written, torch.int64, (*tokens.shape, own.shape[4])),
        ("ended", ended, torch.bool, tokens.shape),
        ("stop", stop, torch.int64, ()),
    ):
        if (told is None) != (written is None):
            raise ArgumentRefused("written, ended and stop belong together; give all or none.")
        if told is not None and (told.dtype != kind or told.shape != sizes):
            raise ArgumentRefused(
                f"{name} is {told.dtype} {list(told.shape)}; give {kind} {list(sizes)}."
            )
    answer: tuple[Tensor, Tensor] = _decoder(
        tokens, weights, own, cross, lengths, cross_lengths, position, written, ended, stop, eps
    )
    return answer


@torch.library.custom_op(
    "core_kernels::decoder",
    mutates_args=("tokens", "own", "lengths", "position", "written", "ended"),
)  # fmt: skip
def _decoder(
    tokens: Tensor, weights: list[Tensor], own: Tensor, cross: Tensor, lengths: Tensor,
    cross_lengths: Tensor, position: Tensor, written: Tensor | None, ended: Tensor | None,
    stop: Tensor | None, eps: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    traits = set()
    if tokens.shape[0] > MOST:
        traits.add("many")
    if weights[0].shape[1] > WIDEST:
        traits.add("wide")
    run = chosen("decoder", own.device, Facts(dtype=own.dtype, traits=frozenset(traits)))
    logits, likeliest = run(
        tokens, weights, own, cross, lengths, cross_lengths, position, written, ended, stop, eps
    )
    return logits, likeliest


@_decoder.register_fake
def _(
    tokens: Tensor, weights: list[Tensor], own: Tensor, cross: Tensor, lengths: Tensor,
    cross_lengths: Tensor, position: Tensor, written: Tensor | None, ended: Tensor | None,
    stop: Tensor | None, eps: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    return own.new_empty(tokens.shape[0], weights[0].shape[0]), tokens.new_empty(tokens.shape)

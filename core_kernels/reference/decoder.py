"""One token of a transformer decoder with a cache, the formula."""

import torch
from torch import Tensor
from torch.nn import functional as F

from core_kernels.structures.decoder_weights import FIRST, LAYER, of_layers


def decoder(
    tokens: Tensor, weights: list[Tensor], own: Tensor, cross: Tensor, lengths: Tensor,
    cross_lengths: Tensor, position: Tensor, written: Tensor | None, ended: Tensor | None,
    stop: Tensor | None, eps: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Logits of what follows `tokens`, and the likeliest; the caches take the tokens in.

    ::

        x = norm(tokens[t] + positions[p])
        for each layer:
            x = norm(x + own_out(attention(own(x), own cache with this token)))
            x = norm(x + cross_out(attention(cross(x), memory)))
            x = norm(x + outer(gelu(inner(x))))
        logits = tokens · x + bias
        likeliest = where(ended, stop, first of the largest);  ended = ended or likeliest = stop
        written[p], tokens = likeliest

    Attention is `softmax(q kᵀ / √D) v`, times `sigmoid(gate)` where the products have rows for
    gates behind the others. In the widest of fp32 and the weights' dtype.

    Args:
        tokens: int64 [B].
        weights: `FIRST`, then `LAYER` for each layer; matrices are [out, in].
        own: [layers, 2, B, H, capacity, D], written at `position`; the dtype of the weights.
        cross: [layers, 2, B, H, S, D], keys and values of the memory.
        lengths, cross_lengths: int32 [B]; `lengths` goes up by one.
        position: int64 [1], goes up by one.
        written: int64 [B, capacity], with `ended` bool [B] and `stop` int64 []: the sequences that
            are being written, `tokens` with them; without it `tokens` stays, and none has ended.

    Returns:
        logits [B, vocabulary] in the dtype of the weights and int64 [B], the likeliest.
    """
    table, places, first_weight, first_bias, bias = (_wide(one) for one in weights[: len(FIRST)])
    batch, width, heads = tokens.shape[0], table.shape[1], own.shape[3]
    place = int(position)
    x = F.layer_norm(table[tokens] + places[place], (width,), first_weight, first_bias, eps)
    for layer, mine, memory in zip(of_layers(weights), own, cross, strict=True):
        told = dict(zip(LAYER, (_wide(one) for one in layer), strict=True))

        def linear(name: str, x: Tensor, told: dict[str, Tensor] = told) -> Tensor:
            return F.linear(x, told[f"{name}.weight"], told[f"{name}.bias"])

        def norm(name: str, x: Tensor, told: dict[str, Tensor] = told) -> Tensor:
            return F.layer_norm(x, (width,), told[f"{name}.weight"], told[f"{name}.bias"], eps)

        mixed = linear("own", x)
        latest = mixed[:, width : 3 * width].view(batch, 2, heads, -1).transpose(0, 1)
        mine[:, :, :, place] = latest.to(mine.dtype)
        count = torch.full((batch,), place + 1, device=tokens.device)
        x = norm("own_norm", x + linear("own_out", _look(mixed, 3, mine, count)))
        mixed = linear("cross", x)
        x = norm("cross_norm", x + linear("cross_out", _look(mixed, 1, memory, cross_lengths)))
        x = norm("norm", x + linear("outer", F.gelu(linear("inner", x))))
    logits = F.linear(x, table, bias).to(weights[0].dtype)
    likeliest = write(logits, tokens, position, written, ended, stop)
    lengths += 1
    position += 1
    return logits, likeliest


def write(
    logits: Tensor, tokens: Tensor, position: Tensor, written: Tensor | None, ended: Tensor | None,
    stop: Tensor | None,
) -> Tensor:  # fmt: skip
    """The likeliest tokens, written at `position` where there is a place for them."""
    likeliest = torch.argmax(logits, -1)
    if written is not None and ended is not None and stop is not None:
        likeliest = torch.where(ended, stop, likeliest)
        ended.logical_or_(likeliest == stop)
        written.index_copy_(1, position, likeliest.unsqueeze(1))
        tokens.copy_(likeliest)
    return likeliest


def _wide(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _look(mixed: Tensor, count: int, cache: Tensor, lengths: Tensor) -> Tensor:
    """Attention [B, width] of the queries at the front of `mixed`, gates behind `count` parts."""
    keys, values = _wide(cache[0]), _wide(cache[1])
    batch, heads, rows, head = keys.shape
    q, gate = mixed[:, : heads * head].view(batch, heads, head), mixed[:, count * heads * head :]
    there = (torch.arange(rows, device=mixed.device) < lengths[:, None])[:, None]
    scores = torch.einsum("bhd,bhsd->bhs", q, keys).masked_fill(~there, float("-inf"))
    weights = torch.softmax(scores * head**-0.5, -1).masked_fill(~there, 0.0)
    out = torch.einsum("bhs,bhsd->bhd", weights, values.masked_fill(~there[..., None], 0.0))
    if gate.shape[1]:
        out = out * torch.sigmoid(gate)[..., None]
    return out.reshape(batch, heads * head)

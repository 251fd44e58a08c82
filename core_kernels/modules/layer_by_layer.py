"""One token layer by layer through the other operations: for a CPU, for many sequences at a time,
and for a compiler, which sees every part.
"""

from torch import Tensor
from torch.nn import functional as F

from core_kernels.dispatch.add_norm import add_norm
from core_kernels.dispatch.decode_attention import decode_attention
from core_kernels.reference.decoder import write
from core_kernels.structures.decoder_weights import FIRST, of_layers


def decoder(
    tokens: Tensor, weights: list[Tensor], own: Tensor, cross: Tensor, lengths: Tensor,
    cross_lengths: Tensor, position: Tensor, written: Tensor | None, ended: Tensor | None,
    stop: Tensor | None, eps: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """As the reference; each step rounds to the dtype of the weights."""
    table, places, first_weight, first_bias, bias = weights[: len(FIRST)]
    batch, width, heads = tokens.shape[0], table.shape[1], own.shape[3]
    lengths.add_(1)
    place = F.embedding(position, places).expand(batch, width)
    x, _ = add_norm(F.embedding(tokens, table), place, first_weight, first_bias, eps=eps)
    for layer, mine, memory in zip(of_layers(weights), own, cross, strict=True):
        pairs = list(zip(layer[::2], layer[1::2], strict=True))
        mix, out, norm, cross_mix, cross_out, cross_norm, inner, outer, last = pairs
        mixed = F.linear(x, *mix)
        latest = mixed[:, width : 3 * width].view(batch, 2, heads, -1).transpose(0, 1)
        mine.index_copy_(3, position, latest.unsqueeze(3))
        found = F.linear(_look(mixed, 3, mine, lengths), *out)
        x, _ = add_norm(found, x, *norm, eps=eps)
        found = F.linear(_look(F.linear(x, *cross_mix), 1, memory, cross_lengths), *cross_out)
        x, _ = add_norm(found, x, *cross_norm, eps=eps)
        x, _ = add_norm(F.linear(F.gelu(F.linear(x, *inner)), *outer), x, *last, eps=eps)
    logits = F.linear(x, table, bias)
    likeliest = write(logits, tokens, position, written, ended, stop)
    position.add_(1)
    return logits, likeliest


def _look(mixed: Tensor, count: int, cache: Tensor, lengths: Tensor) -> Tensor:
    """Attention [B, width] of the queries at the front of `mixed`, with the gates behind."""
    batch, heads, _, head = cache.shape[1:]
    width = heads * head
    q, gate = mixed[:, :width].view(batch, heads, -1), mixed[:, count * width :].unsqueeze(-1)
    out = decode_attention(q, cache[0], cache[1], lengths, gate if gate.numel() else None)
    return out.view(batch, width)

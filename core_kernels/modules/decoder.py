"""A transformer decoder with cross-attention: whole sequences for training, one token for writing.

Normalisation follows each residual connection (Vaswani et al., 2017, arXiv:1706.03762), positions
are learned, and the output shares its weights with the embedding, as in BART (Lewis et al., 2019,
arXiv:1910.13461). With `gated`, attention has a sigmoid gate for each head.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core_kernels.dispatch.decoder import decoder
from core_kernels.dispatch.gated_attention import gated_attention
from core_kernels.errors import ArgumentRefused
from core_kernels.modules.add_norm import AddNorm
from core_kernels.modules.layer_by_layer import decoder as by_layers


@dataclass(frozen=True, kw_only=True)
class DecoderShape:
    """How large a decoder is; `inner` is the width of its feed-forward blocks."""

    vocabulary: int
    positions: int
    layers: int = 6
    width: int = 512
    heads: int = 8
    inner: int = 2048
    gated: bool = False

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ArgumentRefused(f"width={self.width} must be a multiple of heads={self.heads}.")


class Writing(NamedTuple):
    """Sequences that are being written.

    Attributes:
        written: int64 [B, capacity], their tokens.
        ended: bool [B], which have written `stop`; they go on with it.
        stop: int64 [], the token that ends a sequence; -1 if none does.
    """

    written: Tensor
    ended: Tensor
    stop: Tensor


@dataclass(kw_only=True)
class DecoderState:
    """What a decoder remembers of sequences that it writes; all of it stays where it is in memory.

    Attributes:
        own: keys and values of the tokens so far [layers, 2, B, H, capacity, D].
        cross: keys and values of the memory [layers, 2, B, H, S, D].
        lengths, cross_lengths: int32 [B], rows of either that count.
        position: int64 [1], where the next token goes.
    """

    own: Tensor
    cross: Tensor
    lengths: Tensor
    cross_lengths: Tensor
    position: Tensor

    def restart(self) -> None:
        """Forget the tokens."""
        self.lengths.zero_()
        self.position.zero_()


class DecoderLayer(nn.Module):
    """Attention to the tokens so far, attention to the memory, feed-forward."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        width, gates = shape.width, shape.heads if shape.gated else 0
        self.own = nn.Linear(width, 3 * width + gates)
        self.own_out = nn.Linear(width, width)
        self.own_norm = AddNorm(width)
        self.cross = nn.Linear(width, width + gates)
        self.cross_memory = nn.Linear(width, 2 * width)
        self.cross_out = nn.Linear(width, width)
        self.cross_norm = AddNorm(width)
        self.inner = nn.Linear(width, shape.inner)
        self.outer = nn.Linear(shape.inner, width)
        self.norm = AddNorm(width)

    def weights(self) -> list[Tensor]:
        """Those that a token meets, in the order of `LAYER`."""
        met: list[Tensor | None] = []
        for part in (
            self.own, self.own_out, self.own_norm, self.cross, self.cross_out, self.cross_norm,
            self.inner, self.outer, self.norm,
        ):  # fmt: skip
            met += (part.weight, part.bias)
        return cast("list[Tensor]", met)

    def end(self, x: Tensor) -> Tensor:
        """The feed-forward block."""
        normed: Tensor = self.norm(self.outer(F.gelu(self.inner(x))), x)[0]
        return normed


class Decoder(nn.Module):
    """Tokens and a memory to logits."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.shape = shape
        self.tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Embedding(shape.positions, shape.width)
        self.first_norm = AddNorm(shape.width)
        self.layers = nn.ModuleList(DecoderLayer(shape) for _ in range(shape.layers))
        self.bias = nn.Parameter(torch.zeros(shape.vocabulary))

    def _each(self) -> Iterator[DecoderLayer]:
        return cast("Iterator[DecoderLayer]", iter(self.layers))

    def forward(self, tokens: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        """Logits [B, L, vocabulary] of what follows each token, for training.

        Args:
            tokens: int64 [B, L].
            memory: [B, S, width].
            memory_mask: bool [B, S]; True takes part.
        """
        batch, length = tokens.shape
        places = torch.arange(length, device=tokens.device).expand(batch, length)
        x, _ = self.first_norm(self.tokens(tokens), self.positions(places))
        mask = None if memory_mask is None else memory_mask[:, None, None]
        for layer in self._each():
            parts, gate = self._parts(layer.own(x), 3)
            x, _ = layer.own_norm(layer.own_out(self._attend(parts, gate, None, True)), x)
            parts, gate = self._parts(layer.cross(x), 1)
            parts += self._parts(layer.cross_memory(memory), 2)[0]
            x, _ = layer.cross_norm(layer.cross_out(self._attend(parts, gate, mask, False)), x)
            x = layer.end(x)
        return F.linear(x, self.tokens.weight, self.bias)

    def _parts(self, mixed: Tensor, count: int) -> tuple[list[Tensor], Tensor | None]:
        """Heads [B, H, L, D] of `count` parts; gates' logits [B, H, L, 1] behind them, if any."""
        batch, length, _ = mixed.shape
        width, heads = self.shape.width, self.shape.heads
        parts = [
            part.view(batch, length, heads, -1).transpose(1, 2)
            for part in mixed[..., : count * width].split(width, -1)
        ]
        gates = mixed[..., count * width :]
        return parts, gates.transpose(1, 2).unsqueeze(-1) if gates.shape[-1] else None

    def _attend(
        self, parts: list[Tensor], gate: Tensor | None, mask: Tensor | None, causal: bool
    ) -> Tensor:
        q, k, v = parts
        if gate is None:
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        else:
            out = gated_attention(q, k, v, gate, mask, causal=causal)
        return out.transpose(1, 2).reshape(q.shape[0], q.shape[2], self.shape.width)

    def state(self, batch: int, capacity: int, memory_rows: int) -> DecoderState:
        """Room for `batch` sequences of up to `capacity` tokens beside a memory of `memory_rows`.

        Raises:
            ArgumentRefused: there are fewer positions than `capacity`.
        """
        shape, like = self.shape, self.bias
        if not 0 < capacity <= shape.positions:
            raise ArgumentRefused(
                f"capacity={capacity}; give 1 to {shape.positions}, the positions of this decoder."
            )
        sizes = (shape.layers, 2, batch, shape.heads)
        head = shape.width // shape.heads

        def counts(value: int) -> Tensor:
            return torch.full((batch,), value, dtype=torch.int32, device=like.device)

        return DecoderState(
            own=like.new_zeros(*sizes, capacity, head),
            cross=like.new_zeros(*sizes, memory_rows, head),
            lengths=counts(0),
            cross_lengths=counts(memory_rows),
            position=torch.zeros(1, dtype=torch.int64, device=like.device),
        )

    @torch.no_grad()
    def remember(self, memory: Tensor, state: DecoderState, lengths: Tensor | None = None) -> None:
        """Write the keys and values of `memory` [B, S, width] into `state`, and forget its tokens.

        Args:
            lengths: int [B], how many rows of each memory count; all by default.

        Raises:
            ArgumentRefused: `memory` is not of the size that `state` has room for.
        """
        batch, rows, _ = memory.shape
        if (batch, rows) != (state.cross.shape[2], state.cross.shape[4]):
            raise ArgumentRefused(
                f"memory has {batch} × {rows} rows; this state has room for "
                f"{state.cross.shape[2]} × {state.cross.shape[4]}."
            )
        state.restart()
        for layer, cross in zip(self._each(), state.cross, strict=True):
            mixed = layer.cross_memory(memory).view(batch, rows, 2, self.shape.heads, -1)
            cross.copy_(mixed.permute(2, 0, 3, 1, 4))
        if lengths is None:
            state.cross_lengths.fill_(rows)
        else:
            state.cross_lengths.copy_(lengths)

    @torch.no_grad()
    def step(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """Logits [B, vocabulary] of what follows `tokens` [B]; `state` takes them in.

        Every shape and address is fixed and nothing waits for the device: a CUDA graph can hold it.
        Past `capacity` steps its answers mean nothing.
        """
        return self.advance(tokens, state)[0]

    @torch.no_grad()
    def advance(
        self,
        tokens: Tensor,
        state: DecoderState,
        writing: Writing | None = None,
        *,
        open_to_compilers: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """As `step`, with the likeliest token int64 [B] after each.

        Args:
            writing: takes the likeliest in, and `tokens` becomes them.
            open_to_compilers: layer by layer in torch's operations, which `torch.compile` joins,
                rather than by the operation `decoder`.
        """
        parts = state.own, state.cross, state.lengths, state.cross_lengths, state.position
        weights, eps = self._weights(), self.first_norm.eps
        written, ended, stop = writing or (None, None, None)
        if open_to_compilers:
            return by_layers(tokens, weights, *parts, written, ended, stop, eps)
        return decoder(tokens, weights, *parts, written=written, ended=ended, stop=stop, eps=eps)

    def _weights(self) -> list[Tensor]:
        """As `decoder` takes them."""
        first = self.first_norm
        beside = self.tokens.weight, self.positions.weight, first.weight, first.bias, self.bias
        weights = cast("list[Tensor]", [*beside])
        for layer in self._each():
            weights += layer.weights()
        return weights

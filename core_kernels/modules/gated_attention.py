"""`GatedAttention`: multi-head attention with a sigmoid gate on each head, as a layer."""

from torch import Tensor, nn

from core_kernels.dispatch.gated_attention import gated_attention
from core_kernels.errors import ArgumentRefused

#: Below this a gate counts as shut when the layer is not in training.
SHUT = 1e-3


class GatedAttention(nn.Module):
    """``out = layer(x, memory)``; attention to `x` itself without `memory`.

    One product gives queries, gates and, for attention to itself, keys and values. In training no
    gate is ever shut, so that each can open again; afterwards heads below `SHUT` are skipped.
    """

    def __init__(
        self, width: int, heads: int, *, causal: bool = False, cross: bool = False
    ) -> None:
        super().__init__()
        if width % heads:
            raise ArgumentRefused(f"width={width} must be a multiple of heads={heads}.")
        self.width, self.heads, self.causal, self.cross = width, heads, causal, cross
        self.own = nn.Linear(width, (1 if cross else 3) * width + heads)
        self.memory = nn.Linear(width, 2 * width) if cross else None
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """[B, L, width] for `x` [B, L, width] and `memory` [B, S, width].

        `mask` is the operation's: bool, expands to [B, heads, L, S].

        Raises:
            ArgumentRefused: `memory` is missing from a cross layer, or given to another.
        """
        if (memory is None) == self.cross:
            raise ArgumentRefused(
                "A layer with cross=True takes a memory, and only such a layer does."
            )
        batch, length, width = x.shape
        own = self.own(x)
        q, gate = own[..., :width], own[..., -self.heads :]
        rest = own[..., width : 3 * width] if self.memory is None else self.memory(memory)
        k, v = (self._split(part) for part in rest.chunk(2, -1))
        out = gated_attention(
            self._split(q), k, v, gate.transpose(1, 2).unsqueeze(-1), mask,
            causal=self.causal, shut=0.0 if self.training else SHUT,
        )  # fmt: skip
        answer: Tensor = self.out(out.transpose(1, 2).reshape(batch, length, width))
        return answer

    def _split(self, rows: Tensor) -> Tensor:
        batch, length, _ = rows.shape
        return rows.view(batch, length, self.heads, -1).transpose(1, 2)

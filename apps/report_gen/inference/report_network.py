"""The network that writes: slots, what the image said of each, and the clinical text, to a report.

The text can change what is said first and which question is answered; what may be said at all is
fixed by the slots (`apps.report_gen.inference.constrained`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from apps.report_gen.findings import KEYS, FindingSet, Lobe, Side, State
from apps.report_gen.inference.foreign import ForeignText
from apps.report_gen.inference.shape import Shape
from apps.report_gen.inference.tokens import PAD, text_tokens
from core_kernels.modules.decoder import Decoder, DecoderShape
from core_kernels.modules.gated_attention import GatedAttention

ROWS = 32
"""Findings that the writing looks at; a study with more of them tells of these alone."""
_STATES, _SIDES, _LOBES = list(State), list(Side), list(Lobe)


@dataclass(frozen=True, kw_only=True)
class SlotRows:
    """Findings as numbers: kind + 1 (0 where there is none), state, side [B, ROWS]; and lobes
    and size [B, ROWS, 7]."""

    kinds: Tensor
    states: Tensor
    sides: Tensor
    measures: Tensor

    def to(self, device: torch.device | str) -> "SlotRows":
        """On a device."""
        return SlotRows(**{key: value.to(device) for key, value in vars(self).items()})


def slot_rows(studies: list[FindingSet]) -> SlotRows:
    """Rows of several studies."""
    kinds, states, sides = (torch.zeros(len(studies), ROWS, dtype=torch.long) for _ in range(3))
    measures = torch.zeros(len(studies), ROWS, 7)
    for at, study in enumerate(studies):
        for row, finding in enumerate(study.findings[:ROWS]):
            kinds[at, row] = KEYS.index(finding.kind) + 1
            states[at, row] = _STATES.index(finding.state)
            sides[at, row] = _SIDES.index(finding.side)
            for lobe in finding.lobes:
                measures[at, row, _LOBES.index(lobe)] = 1
            if finding.size_mm is not None:
                measures[at, row, 5] = finding.size_mm / 30
                measures[at, row, 6] = 1
    return SlotRows(kinds=kinds, states=states, sides=sides, measures=measures)


class Fusion(nn.Module):
    """One stream looks at another through gates: ``x + attention(norm(x), other)``."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = GatedAttention(width, heads, cross=True)

    def forward(self, x: Tensor, other: Tensor, mask: Tensor) -> Tensor:
        """[B, L, width]; `mask` bool [B, S] says which rows of `other` [B, S, width] count."""
        looked: Tensor = self.attention(self.norm(x), other, mask[:, None, None])
        return x + looked


class ReportNetwork(nn.Module):
    """Text encoder, fusion, decoder."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.text: nn.Module = BertModel(
            BertConfig(
                vocab_size=shape.vocabulary, hidden_size=width, num_hidden_layers=shape.text_layers,
                num_attention_heads=shape.heads, intermediate_size=4 * width,
                max_position_embeddings=shape.text_positions, pad_token_id=PAD, type_vocab_size=1,
                hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
            ),
            add_pooling_layer=False,
        )  # fmt: skip
        self.kinds = nn.Embedding(len(KEYS) + 1, width)
        self.states = nn.Embedding(len(_STATES), width)
        self.sides = nn.Embedding(len(_SIDES), width)
        self.measures = nn.Linear(7, width)
        # Nothing of the image at first: stage B trains without one, and what it leaves is whole.
        self.image = nn.Linear(width, width)
        nn.init.zeros_(self.image.weight)
        nn.init.zeros_(self.image.bias)
        self.no_image = nn.Parameter(torch.zeros(len(KEYS), width))
        self.slots_norm, self.memory_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.text_looks, self.slots_look = Fusion(width, shape.heads), Fusion(width, shape.heads)
        self.decoder = Decoder(
            DecoderShape(
                vocabulary=shape.vocabulary, positions=shape.positions, layers=shape.decoder_layers,
                width=width, heads=shape.heads, inner=4 * width, gated=True,
            )
        )  # fmt: skip

    def text_tokens(self, text: str) -> list[int]:
        """A clinical text as the text encoder takes it."""
        most = self.shape.text_positions
        if isinstance(self.text, ForeignText):
            return self.text.tokens(text, most)
        return text_tokens(text, most)

    def memory(
        self, rows: SlotRows, text: Tensor, features: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """What the decoder looks at [B, S, width], and which rows of it count.

        Args:
            text: tokens [B, T], `PAD` behind.
            features: of the image network [B, K, width]; none where findings came without one.
        """
        read = text != PAD
        words = self.text(input_ids=text, attention_mask=read.long()).last_hidden_state
        slots = self.kinds(rows.kinds) + self.states(rows.states) + self.sides(rows.sides)
        slots = self.slots_norm(slots + self.measures(rows.measures.to(slots.dtype)))
        count = len(text)
        seen = self.no_image.expand(count, -1, -1).to(slots.dtype)
        if features is not None:
            seen = seen + self.image(features.to(slots.dtype))
        slots = torch.cat([slots, self.slots_norm(self.kinds.weight[1:] + seen)], 1)
        there = torch.cat([rows.kinds > 0, rows.kinds.new_ones(count, len(KEYS)) > 0], 1)
        fused = self.text_looks(words, slots, there)
        slots = self.slots_look(slots, fused, read)
        return self.memory_norm(torch.cat([slots, fused], 1)), torch.cat([there, read], 1)

    def forward(
        self, rows: SlotRows, text: Tensor, tokens: Tensor, features: Tensor | None = None
    ) -> Tensor:
        """Logits [B, L, vocabulary] of what follows each of `tokens` [B, L]."""
        memory, mask = self.memory(rows, text, features)
        logits: Tensor = self.decoder(tokens, memory, mask)
        return logits

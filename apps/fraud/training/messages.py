"""What a transaction says to its neighbours: the messages of the graph network, point in time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from apps.fraud.training.blocks import Blocks
from apps.fraud.training.neighbours import carried
from apps.fraud.training.network import Batch, Shape
from apps.fraud.training.table import DAY_MS, Table

HOP1, HOP2 = 16, 3
"""Places of a first and of a second hop."""
QUANTILES = 255
"""Parts that the range of a feature is ranked in."""


@dataclass(frozen=True)
class Scale:
    """How what neighbours say is scaled: sign(x) · ln(1 + |x|), standardised, within ±5.

    Attributes:
        names: what is said, in order.
        mean, spread: [names] float32.
    """

    names: tuple[str, ...]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]

    @classmethod
    def of(cls, table: Table, fit: NDArray[np.int64]) -> "Scale":
        """By the rows `fit`."""
        names = ("amount", *carried(table))
        values = _magnitude(table.columns(names, fit))
        spread = values.std(axis=0)
        return cls(names, values.mean(axis=0), np.where(spread > 1e-6, spread, np.float32(1.0)))

    def said(self, table: Table) -> NDArray[np.float32]:
        """[n, names + 2] what each transaction says, its hour too."""
        scaled = (_magnitude(table.columns(self.names)) - self.mean) / self.spread
        hour = 2 * np.pi * (table.time % DAY_MS) / DAY_MS
        clock = np.stack([np.sin(hour), np.cos(hour)], axis=1).astype(np.float32)
        return np.concatenate([np.clip(scaled, -5.0, 5.0).astype(np.float32), clock], axis=1)


@dataclass(frozen=True)
class Messages:
    """Everything that batches are made of.

    Attributes:
        own: [m, S] features of those transactions that are learned from or asked about, as ranks
            from 0 to 1.
        place: [n] where each transaction stands in `own`; −1: nowhere.
        said: [n, M] what a neighbour says of itself.
        time, known, label: [n].
    """

    around: Blocks
    entities: tuple[str, ...]
    own: NDArray[np.float32]
    place: NDArray[np.int64]
    scale: Scale
    said: NDArray[np.float32]
    time: NDArray[np.int64]
    known: NDArray[np.int64]
    label: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        table: Table,
        around: Blocks,
        own: NDArray[np.float32],
        place: NDArray[np.int64],
        fit: NDArray[np.int64],
    ) -> "Messages":
        """Rank `own` among the rows `fit`, and scale what neighbours say by those too."""
        scale = Scale.of(table, fit)
        return cls(
            around=around,
            entities=entities_of(table),
            own=ranked(own, place[fit][place[fit] >= 0]),
            place=place,
            scale=scale,
            said=scale.said(table),
            time=table.time,
            known=table.label_known_at,
            label=table.label,
        )

    @classmethod
    def without_own(cls, table: Table, around: Blocks, scale: Scale) -> "Messages":
        """What neighbours say alone: for embeddings, whose targets say nothing themselves."""
        return cls(
            around=around,
            entities=entities_of(table),
            own=np.empty((1, 0), np.float32),
            place=np.zeros(len(table), np.int64),
            scale=scale,
            said=scale.said(table),
            time=table.time,
            known=table.label_known_at,
            label=table.label,
        )

    def shape(self, hidden: int, embedding: int, levels: int) -> Shape:
        """The network that fits."""
        return Shape(
            entities=self.entities,
            seed=self.own.shape[1],
            message=self.said.shape[1] + _RELATIVE,
            hidden=hidden,
            embedding=embedding,
            levels=levels,
        )

    def openings(self, refresh: int) -> dict[str, NDArray[np.int64]]:
        """By entity, [n] the first row of the row's entity in the same span of `refresh`
        milliseconds: what came before it is what came before the span."""
        span = self.time // refresh
        span = span - span.min(initial=0)
        found = {}
        for key, node in self.around.nodes.items():
            code = (node + 1) * (span.max(initial=0) + 1) + span
            _codes, first, each = np.unique(code, return_index=True, return_inverse=True)
            found[key] = np.where(node < 0, np.arange(len(node)), first[each])
        return found

    def batch(
        self,
        rows: NDArray[np.int64],
        moment: NDArray[np.int64] | None = None,
        opened: Mapping[str, NDArray[np.int64]] | None = None,
    ) -> Batch:
        """The messages around rows.

        Args:
            rows: [B] transactions.
            moment: [B] milliseconds up to which anything is known; None: of the transactions.
                Earlier moments are for embeddings that were made in the background.
            opened: see `openings`, for such moments.
        """
        now = self.time[rows] if moment is None else moment
        hop1, there1 = {}, {}
        hop2: dict[tuple[str, str], torch.Tensor] = {}
        there2: dict[tuple[str, str], torch.Tensor] = {}
        for key in self.entities:
            asked = rows if opened is None else opened[key][rows]
            place = self.around.rows[key][asked][:, :HOP1]
            one = self.around_entity(key, place, now)
            hop1[key], there1[key] = one.hop1[key], one.there1[key]
            hop2 |= one.hop2
            there2 |= one.there2
        own = torch.from_numpy(self.own[self.place[rows]])
        return Batch(own, hop1, there1, hop2, there2)

    def around_entity(self, key: str, place: NDArray[np.integer], now: NDArray[np.int64]) -> Batch:
        """The messages around entities of one kind, without features of their own.

        Args:
            place: [B, K] rows of each entity, newest first; −1: no more.
            now: [B] milliseconds up to which anything is known.
        """
        payer, *others = self.entities
        hop1, there1 = self._told(place, now[:, None])
        hop2: dict[tuple[str, str], torch.Tensor] = {}
        there2: dict[tuple[str, str], torch.Tensor] = {}
        for two in others if key == payer else [payer]:
            behind = self.around.rows[two][np.maximum(place, 0)][:, :, :HOP2]
            behind = np.where(place[:, :, None] >= 0, behind, -1)
            hop2[key, two], there2[key, two] = self._told(behind, now[:, None, None])
        return Batch(torch.empty((len(place), 0)), {key: hop1}, {key: there1}, hop2, there2)

    def _told(
        self, place: NDArray[np.integer], now: NDArray[np.int64]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The features of places, with their age and their labels as far as they were known."""
        there, row = place >= 0, np.maximum(place, 0)
        age = np.log1p(np.maximum(now - self.time[row], 0) / 3_600_000.0).astype(np.float32)
        told = self.known[row] <= now
        label = self.label[row]
        relative = np.stack([age / 4.0, told & (label == 1), told & (label == 0)], axis=-1).astype(
            np.float32
        )
        values = np.concatenate([self.said[row], relative], axis=-1)
        return torch.from_numpy(values), torch.from_numpy(there)


_RELATIVE = 3


def ranked(values: NDArray[np.float32], fit: NDArray) -> NDArray[np.float32]:
    """[n, F] where each value stands among those of the rows `fit`: 0 below all, 1 above.

    Quantiles cut the range in at most `QUANTILES` parts, fewer where values come often.
    """
    out = np.empty_like(values)
    shares = np.linspace(0, 1, QUANTILES + 1)[1:-1]
    for place, column in enumerate(values.T):
        cuts = np.unique(np.quantile(column[fit], shares, method="nearest"))
        out[:, place] = np.searchsorted(cuts, column, side="right") / len(cuts)
    return out


def entities_of(table: Table) -> tuple[str, ...]:
    """Keys of entities, the payer's first."""
    payer = table.scheme.payer.key
    return (payer, *(one.key for one in table.scheme.entities if one.key != payer))


def _magnitude(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.sign(values) * np.log1p(np.abs(values))

"""What a transaction says to its neighbours: the messages of the graph network, point in time."""

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
        payer = table.scheme.payer.key
        others = tuple(entity.key for entity in table.scheme.entities if entity.key != payer)
        said = ("amount", *carried(table))
        hour = 2 * np.pi * (table.time % DAY_MS) / DAY_MS
        clock = np.stack([np.sin(hour), np.cos(hour)], axis=1).astype(np.float32)
        told = np.concatenate([_scaled(table.columns(said), fit), clock], axis=1)
        return cls(
            around=around,
            entities=(payer, *others),
            own=ranked(own, place[fit][place[fit] >= 0]),
            place=place,
            said=told,
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

    def batch(self, rows: NDArray[np.int64], moment: NDArray[np.int64] | None = None) -> Batch:
        """The messages around rows.

        Args:
            rows: [B] transactions.
            moment: [B] milliseconds up to which anything is known; None: of the transactions.
                Earlier moments are for embeddings that were made in the background.
        """
        now = self.time[rows] if moment is None else moment
        hop1, there1, hop2, there2 = {}, {}, {}, {}
        places = {}
        for key in self.entities:
            place = self.around.rows[key][rows]
            if moment is not None:
                place = _before(place, self.time, now)
            place = place[:, :HOP1]
            places[key] = place
            hop1[key], there1[key] = self._told(place, now[:, None])
        payer, *others = self.entities
        pairs = [(payer, one) for one in others] + [(one, payer) for one in others]
        for one, two in pairs:
            place = places[one]
            behind = self.around.rows[two][np.maximum(place, 0)][:, :, :HOP2]
            behind = np.where(place[:, :, None] >= 0, behind, -1)
            hop2[one, two], there2[one, two] = self._told(behind, now[:, None, None])
        own = torch.from_numpy(self.own[self.place[rows]])
        return Batch(own, hop1, there1, hop2, there2)

    def _told(
        self, place: NDArray[np.int32], now: NDArray[np.int64]
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


def _before(
    place: NDArray[np.int32], time: NDArray[np.int64], moment: NDArray[np.int64]
) -> NDArray[np.int32]:
    """The places that lie before a moment, moved to the front."""
    kept = np.where((place >= 0) & (time[np.maximum(place, 0)] < moment[:, None]), place, -1)
    order = np.argsort(kept < 0, axis=1, kind="stable")
    return np.take_along_axis(kept, order, axis=1)


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


def _scaled(values: NDArray[np.float32], fit: NDArray) -> NDArray[np.float32]:
    """sign(x) · ln(1 + |x|), standardised by the rows `fit`, within ±5."""
    out = np.sign(values) * np.log1p(np.abs(values))
    mean, spread = out[fit].mean(axis=0), out[fit].std(axis=0)
    out -= mean
    out /= np.where(spread > 1e-6, spread, 1.0)
    return np.clip(out, -5.0, 5.0).astype(np.float32)

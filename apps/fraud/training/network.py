"""The graph network: a heterogeneous GNN over transactions and those who take part in them.

```
 transactions of f ──► a neighbour j ──► an entity e ──► the transaction that is scored
        2nd hop             1st hop        embedding         head
```

Nodes are transactions and entities of every kind; messages are earlier transactions, sampled by
`core_kernels`. A neighbour j of entity e takes in the last transactions of another of its entities
f, an entity takes in its neighbours (`SAGEConv` of its own for every kind of edge, mean and
maximum), and the head reads the transaction's own features beside the embeddings of its entities.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch_geometric.nn import SAGEConv


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of the network.

    Attributes:
        entities: keys, in order; the payer first.
        seed: features of the transaction that is scored.
        message: features of a neighbour.
        hidden: width within.
        embedding: width of what an entity is told as.
    """

    entities: tuple[str, ...]
    seed: int
    message: int
    hidden: int = 32
    embedding: int = 12
    dropout: float = 0.1

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(entity of the first hop, entity of the second): over the payer or to it."""
        payer, *others = self.entities
        return tuple((payer, other) for other in others) + tuple((one, payer) for one in others)


@dataclass(frozen=True)
class Batch:
    """Messages around B targets.

    Attributes:
        seed: [B, seed] features of the transactions; empty where only embeddings are asked for.
        hop1: by entity, [B, K, message].
        there1: by entity, [B, K] which places hold one.
        hop2: by pair of entities, [B, K, L, message] around the places of the first hop.
        there2: by pair, [B, K, L].
    """

    seed: Tensor
    hop1: Mapping[str, Tensor]
    there1: Mapping[str, Tensor]
    hop2: Mapping[tuple[str, str], Tensor]
    there2: Mapping[tuple[str, str], Tensor]


class EntityEncoder(nn.Module):
    """Embeddings of entities from the transactions around them."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape, width = shape, shape.hidden
        self.message = nn.Sequential(nn.Linear(shape.message, width), nn.ReLU())
        self.second = nn.ModuleDict(
            {
                f"{one}|{two}": SAGEConv((width, width), width, aggr=["mean", "max"])
                for one, two in shape.pairs()
            }
        )
        self.first = nn.ModuleDict(
            {key: SAGEConv((width, width), width, aggr=["mean", "max"]) for key in shape.entities}
        )
        self.start = nn.ParameterDict(
            {key: nn.Parameter(torch.zeros(1, width)) for key in shape.entities}
        )
        self.out = nn.ModuleDict({key: nn.Linear(width, shape.embedding) for key in shape.entities})

    def forward(self, batch: Batch, keys: Sequence[str]) -> dict[str, Tensor]:
        """By entity, [B, embedding]."""
        told = {}
        for key in keys:
            places = batch.hop1[key]
            # Only places that hold something become nodes.
            rows, columns = batch.there1[key].nonzero(as_tuple=True)
            held = self.message(places[rows, columns])
            for pair in self.shape.pairs():
                if pair[0] == key:
                    held = held + self._second(batch, pair, held, rows, columns)
            edge = torch.stack([torch.arange(len(rows)), rows])
            entity = self.start[key].expand(len(places), -1)
            met = self.first[key]((torch.relu(held), entity), edge)
            told[key] = torch.tanh(self.out[key](torch.relu(met)))
        return told

    def _second(
        self, batch: Batch, pair: tuple[str, str], held: Tensor, rows: Tensor, columns: Tensor
    ) -> Tensor:
        there = batch.there2[pair][rows, columns]
        owner, place = there.nonzero(as_tuple=True)
        message = self.message(batch.hop2[pair][rows, columns][owner, place])
        edge = torch.stack([torch.arange(len(owner)), owner])
        told: Tensor = self.second["|".join(pair)]((message, held), edge)
        return told


class Scorer(nn.Module):
    """The whole network: log odds of fraud of each transaction."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.encoder = EntityEncoder(shape)
        width = 2 * shape.hidden
        self.head = nn.Sequential(
            nn.Linear(shape.seed + shape.embedding * len(shape.entities), width),
            nn.ReLU(),
            nn.Dropout(shape.dropout),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(shape.dropout),
            nn.Linear(width, 1),
        )

    def forward(self, batch: Batch) -> Tensor:
        """[B] margins."""
        keys = self.encoder.shape.entities
        told = self.encoder(batch, keys)
        joined = torch.cat([batch.seed, *(told[key] for key in keys)], dim=1)
        margin: Tensor = self.head(joined)[:, 0]
        return margin

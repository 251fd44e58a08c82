"""The graph network: a heterogeneous GNN over transactions and those who take part in them.

```
 transactions of f ──► a neighbour j ──► an entity e ──► the transaction that is scored
        2nd hop             1st hop        embedding         head
```

Nodes are transactions and entities of every kind; messages are earlier transactions, sampled by
`core_kernels`. A neighbour j of entity e takes in the last transactions of another of its entities
f, an entity takes in its neighbours (`SAGEConv` of its own for every kind of edge, mean and
maximum), and the head reads the transaction's own features beside the embeddings of its entities.

The sampler's blocks are dense, so PyG's convolutions are computed on places in place of edges: the
same sums without scattering, which takes four fifths of the time of a step (`convolved`).
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
        levels: parts of a feature's range that the head tells apart.
        hidden: width within.
        embedding: width of what an entity is told as.
    """

    entities: tuple[str, ...]
    seed: int
    message: int
    hidden: int = 32
    embedding: int = 12
    head: int = 128
    levels: int = 16
    dropout: float = 0.3

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(entity of the first hop, entity of the second): over the payer or to it."""
        payer, *others = self.entities
        return tuple((payer, other) for other in others) + tuple((one, payer) for one in others)


@dataclass(frozen=True)
class Batch:
    """Messages around B targets.

    Attributes:
        seed: [B, seed] features of the transactions, as ranks from 0 to 1.
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


def convolved(conv: SAGEConv, places: Tensor, there: Tensor, target: Tensor) -> Tensor:
    """What `conv`, of the mean and the maximum, says over the edges from places to their target.

    Args:
        places: [..., K, width] sources.
        there: [..., K] which places hold one.
        target: [..., width].

    Returns:
        [..., out]; without any source its mean and maximum are 0, as in PyG.
    """
    held = there.unsqueeze(-1)
    count = held.sum(dim=-2).clamp(min=1)
    mean = (places * held).sum(dim=-2) / count
    lowest = torch.finfo(places.dtype).min
    most = torch.where(held, places, places.new_tensor(lowest)).amax(dim=-2)
    most = torch.where(there.any(dim=-1, keepdim=True), most, places.new_zeros(()))
    told: Tensor = conv.lin_l(torch.cat([mean, most], dim=-1)) + conv.lin_r(target)
    return told


def levelled(ranks: Tensor, levels: int) -> Tensor:
    """Each rank as how far it fills each of as many equal parts of its range, from −1 to 1.

    With this a layer tells ranges of a feature apart, as a tree does (piecewise linear encoding;
    Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep
    learning", NeurIPS 2022, section 3.2).

    Args:
        ranks: [B, F] from 0 to 1.

    Returns:
        [B, F · levels].
    """
    parts = torch.arange(levels, dtype=ranks.dtype, device=ranks.device)
    filled = ((ranks * levels).unsqueeze(-1) - parts).clamp(0.0, 1.0)
    return (2.0 * filled - 1.0).flatten(1)


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
            {key: nn.Parameter(torch.zeros(width)) for key in shape.entities}
        )
        self.out = nn.ModuleDict({key: nn.Linear(width, shape.embedding) for key in shape.entities})

    def forward(self, batch: Batch, keys: Sequence[str]) -> dict[str, Tensor]:
        """By entity, [B, embedding]."""
        told = {}
        for key in keys:
            held = self.message(batch.hop1[key])
            for pair in self.shape.pairs():
                if pair[0] == key:
                    around = self.message(batch.hop2[pair])
                    held = held + convolved(
                        self.second["|".join(pair)], around, batch.there2[pair], held
                    )
            met = convolved(self.first[key], torch.relu(held), batch.there1[key], self.start[key])
            told[key] = torch.tanh(self.out[key](torch.relu(met)))
        return told


class Scorer(nn.Module):
    """The whole network: log odds of fraud of each transaction.

    A linear part stands beside the deep one: few frauds teach it sooner (Cheng et al., "Wide & deep
    learning for recommender systems", 2016).
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.encoder = EntityEncoder(shape)
        width, seed = shape.head, shape.seed * shape.levels
        self.wide = nn.Linear(seed, 1)
        self.head = nn.Sequential(
            nn.Linear(seed + shape.embedding * len(shape.entities), width),
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
        seed = levelled(batch.seed, self.encoder.shape.levels)
        joined = torch.cat([seed, *(told[key] for key in keys)], dim=1)
        margin: Tensor = self.head(joined)[:, 0] + self.wide(seed)[:, 0]
        return margin

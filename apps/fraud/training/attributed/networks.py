"""GraphSAGE on a whole attributed graph: ours on `gather_reduce`, and plain PyG as its peer.

h' = ReLU(W₁ h + W₂ · mean of the neighbours' h), two layers, then a linear read-out (Hamilton, Ying
and Leskovec, NIPS 2017). Both start from the same weights for a seed and are trained alike, so
that what differs is how messages are gathered.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.nn import SAGEConv

from apps.fraud.training.attributed.aggregates import STEADY, graph_of
from apps.fraud.training.attributed.graph import AttributedGraph
from apps.fraud.training.metrics import Counts, average_precision
from core_kernels.dispatch.gather_reduce import Graph, gather_reduce


@dataclass(frozen=True, kw_only=True)
class SageRecipe:
    """How both networks learn."""

    epochs: int = 200
    patience: int = 40
    hidden: int = 64
    rate: float = 5e-3
    decay: float = 5e-4
    dropout: float = 0.2


class OurSage(nn.Module):
    """Two layers on `gather_reduce`, with the layers of `PeerSage`."""

    def __init__(self, features: int, recipe: SageRecipe, around: Graph) -> None:
        super().__init__()
        self.around, width = around, recipe.hidden
        self.near = nn.ModuleList([nn.Linear(features, width), nn.Linear(width, width)])
        self.own = nn.ModuleList(
            [nn.Linear(features, width, bias=False), nn.Linear(width, width, bias=False)]
        )
        self.read = nn.Linear(width, 1)
        self.drop = nn.Dropout(recipe.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[N] margins."""
        for near, own in zip(self.near, self.own, strict=True):
            (mean,) = gather_reduce(x, self.around, ("mean",))
            x = self.drop(torch.relu(near(mean) + own(x)))
        margin: Tensor = self.read(x)[:, 0]
        return margin


class PeerSage(nn.Module):
    """The same in plain PyG."""

    def __init__(self, features: int, recipe: SageRecipe, edges: Tensor) -> None:
        super().__init__()
        self.edges, width = edges, recipe.hidden
        self.layers = nn.ModuleList([SAGEConv(features, width), SAGEConv(width, width)])
        self.read = nn.Linear(width, 1)
        self.drop = nn.Dropout(recipe.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[N] margins."""
        for layer in self.layers:
            x = self.drop(torch.relu(layer(x, self.edges)))
        margin: Tensor = self.read(x)[:, 0]
        return margin


def alike(ours: OurSage, peer: PeerSage) -> None:
    """Give the peer the weights of ours."""
    with torch.no_grad():
        for layer, near, own in zip(peer.layers, ours.near, ours.own, strict=True):
            layer.load_state_dict(
                {
                    "lin_l.weight": near.state_dict()["weight"],
                    "lin_l.bias": near.state_dict()["bias"],
                    "lin_r.weight": own.state_dict()["weight"],
                }
            )
        peer.read.load_state_dict(ours.read.state_dict())


@dataclass(frozen=True)
class Fitted:
    """Margins of all nodes, and how training went: epoch, loss, average precision, seconds."""

    margins: NDArray[np.float64]
    curve: list[dict[str, float]]


def fit_both(
    graph: AttributedGraph, seed: int, recipe: SageRecipe, beat: Callable[[str], None]
) -> dict[str, Fitted]:
    """Train both on the split of a seed."""
    torch.manual_seed(seed)
    x = torch.from_numpy(_scaled(graph, seed))
    ours = OurSage(x.shape[1], recipe, graph_of(graph, train=True))
    peer = PeerSage(x.shape[1], recipe, torch.from_numpy(graph.edges))
    alike(ours, peer)
    found = {}
    for name, network in (("graphsage", ours), ("graphsage_pyg", peer)):
        beat(name)
        torch.manual_seed(seed)
        found[name] = _fitted(network, x, graph, seed, recipe)
    return found


def _fitted(
    network: nn.Module, x: Tensor, graph: AttributedGraph, seed: int, recipe: SageRecipe
) -> Fitted:
    train, val, _ = graph.split(seed)
    label = torch.from_numpy(graph.labels.astype(np.float32))
    rows = torch.from_numpy(train)
    positive = float(label[rows].mean())
    # Frauds and honest nodes weigh alike.
    lossy = nn.BCEWithLogitsLoss(pos_weight=torch.tensor((1 - positive) / positive))
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    best, best_epoch, kept, begun = -1.0, 0, np.zeros(len(x)), time.monotonic()
    curve = []
    for epoch in range(1, recipe.epochs + 1):
        network.train()
        loss = lossy(network(x)[rows], label[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        network.eval()
        with torch.no_grad():
            margins = network(x).double().numpy()
        found = average_precision(Counts.of(graph.labels[val], margins[val]))
        line = {"epoch": float(epoch), "loss": float(loss.detach()), "average_precision": found}
        curve.append({**line, "seconds": time.monotonic() - begun})
        if found > best:
            best, best_epoch, kept = found, epoch, margins
        elif epoch - best_epoch >= recipe.patience:
            break
    return Fitted(kept, curve)


def _scaled(graph: AttributedGraph, seed: int) -> NDArray[np.float32]:
    """Features standardised by the training nodes."""
    rows = graph.features[graph.split(seed)[0]]
    mean = rows.mean(axis=0, dtype=np.float64)
    spread = rows.std(axis=0, dtype=np.float64)
    steady = spread <= STEADY * np.abs(mean)
    return ((graph.features - mean) / np.where(steady, 1.0, spread)).astype(np.float32)

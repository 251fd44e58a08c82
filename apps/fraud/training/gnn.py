"""Trains the graph network, and tells scores and embeddings of entities."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from apps.fraud.training.encoder import Encoder
from apps.fraud.training.messages import Messages
from apps.fraud.training.metrics import Counts, average_precision
from apps.fraud.training.network import Scorer
from apps.fraud.training.table import DAY_MS

Beat = Callable[[], None]
WEIGHTS = "weights."
"""What names of weights begin with where they are kept."""


@dataclass(frozen=True, kw_only=True)
class GnnRecipe:
    """How the network learns.

    Attributes:
        epochs: at most.
        levels: parts of a feature's range that the head tells apart.
        refresh: milliseconds between two makings of the entities' embeddings.
    """

    epochs: int = 12
    batch: int = 1024
    rate: float = 3e-3
    decay: float = 0.02
    hidden: int = 32
    embedding: int = 12
    levels: int = 16
    refresh: int = DAY_MS


@dataclass(frozen=True)
class Network:
    """A trained network.

    Attributes:
        epochs: after which its weights were best.
        curve: of each epoch: loss, average precision of the validation, seconds.
    """

    scorer: Scorer
    messages: Messages
    recipe: GnnRecipe
    epochs: int
    curve: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def again(
        cls, messages: Messages, recipe: GnnRecipe, kept: Mapping[str, np.ndarray]
    ) -> "Network":
        """The network whose `weights` are among what was kept."""
        scorer = Scorer(messages.shape(recipe.hidden, recipe.embedding, recipe.levels))
        scorer.load_state_dict(
            {
                name.removeprefix(WEIGHTS): torch.from_numpy(each)
                for name, each in kept.items()
                if name.startswith(WEIGHTS)
            }
        )
        return cls(scorer, messages, recipe, 0)

    def weights(self) -> dict[str, np.ndarray]:
        """Its weights by name, to be kept."""
        return {WEIGHTS + name: each.numpy() for name, each in self.scorer.state_dict().items()}

    def margins(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """[n] log odds."""
        self.scorer.eval()
        parts = []
        with torch.no_grad():
            for start in range(0, len(rows), 2 * self.recipe.batch):
                batch = self.messages.batch(rows[start : start + 2 * self.recipe.batch])
                parts.append(self.scorer(batch).double().numpy())
        return np.concatenate(parts) if parts else np.empty(0)

    def encoder(self) -> Encoder:
        """The part that makes embeddings of entities."""
        return Encoder(self.scorer.encoder, self.messages.scale, self.recipe.refresh)

    def embeddings(self, rows: NDArray[np.int64]) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """What the background had ready for each row; see `Encoder.background`."""
        return self.encoder().background(self.messages, rows)


def drawn(
    label: NDArray[np.int64], most: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """All frauds and as many honest rows by lot that about `most` remain: their places in `label`,
    in a drawn order, and weights by which they stand for all."""
    fraud = label == 1
    share = min(1.0, max(1, most - int(fraud.sum())) / max(1, int((~fraud).sum())))
    keep = np.flatnonzero(fraud | (rng.random(len(label)) < share))
    order = rng.permutation(keep)
    return order, np.where(fraud[order], 1.0, 1.0 / share).astype(np.float32)


def train_network(
    messages: Messages,
    rows: NDArray[np.int64],
    weight: NDArray[np.float32],
    most: int,
    recipe: GnnRecipe,
    seed: int,
    *,
    watch: NDArray[np.int64] | None = None,
    epochs: int = 0,
    beat: Beat = lambda: None,
) -> Network:
    """Learn from rows: in each epoch from all frauds and other honest ones, by lot.

    Rows that stand for several count once, as for the trees: while it learns, margins are moved by
    the logarithm of what an honest row stands for.

    Args:
        weight: [n] of the rows: what each stands for.
        most: rows of an epoch.
        watch: rows of the validation: the epoch with the best average precision there is kept.
        epochs: after how many to end, on the recipe's own schedule of rates; 0: the recipe's.
        beat: called every few seconds; may raise `Cancelled`.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    scorer = Scorer(messages.shape(recipe.hidden, recipe.embedding, recipe.levels))
    network = Network(scorer, messages, recipe, 0)
    share = float(weight[messages.label[rows] == 1].sum() / weight.sum())
    nn.init.constant_(scorer.wide.bias, float(np.log(share / (1.0 - share))))
    last = epochs or recipe.epochs
    # The draws differ by a few rows from epoch to epoch.
    steps = recipe.epochs * (-(-min(most, len(rows)) // recipe.batch) + 2)
    optimizer = torch.optim.AdamW(scorer.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=2 * recipe.rate, total_steps=max(2, steps), pct_start=0.15
    )
    lossy = nn.BCEWithLogitsLoss()
    best, kept, curve, best_epoch, begun = -1.0, None, [], 0, time.monotonic()
    for epoch in range(1, last + 1):
        scorer.train()
        total = 0.0
        picked, stands = drawn(messages.label[rows], most, rng)
        taught = rows[picked]
        label = torch.from_numpy((messages.label[taught] == 1).astype(np.float32))
        honest = messages.label[taught] == 0
        moved = float(np.log((stands * weight[picked])[honest].mean()))
        for start in range(0, len(taught), recipe.batch):
            beat()
            pick = slice(start, start + recipe.batch)
            margin = scorer(messages.batch(taught[pick]))
            loss = lossy(margin + moved, label[pick])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(scorer.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(margin)
        line = {"epoch": float(epoch), "loss": total / len(taught)}
        if watch is not None:
            counts = Counts.of(messages.label[watch], network.margins(watch))
            line["average_precision"] = average_precision(counts)
            if line["average_precision"] > best:
                best, best_epoch = line["average_precision"], epoch
                kept = {name: each.clone() for name, each in scorer.state_dict().items()}
        line["seconds"] = time.monotonic() - begun
        curve.append(line)
    if kept is not None:
        scorer.load_state_dict(kept)
    return Network(scorer, messages, recipe, best_epoch or last, curve)

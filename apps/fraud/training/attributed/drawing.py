"""Drawn attributed graphs: with and without signal in who is beside whom.

With signal, frauds sit beside *tools*: honest nodes whose first two features are raised, as stolen
devices or rented accounts are, and show little themselves. Without it edges are drawn by lot, and
own features tell a part: there trees on neighbours cannot win, and have to show their loss.
"""

from pathlib import Path
from typing import Any

import numpy as np

FRAUDS, TOOLS = 0.12, 0.25
"""Shares of the nodes."""


def drawn(
    nodes: int = 1200, *, signal: bool, seed: int = 0, splits: int = 3, features: int = 6
) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` as `evaluate fraud` reads it: half of the nodes to learn from, a
    fifth to choose by, the rest to measure on, in `splits` draws."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(nodes) < FRAUDS).astype(np.int64)
    x = rng.normal(size=(nodes, features)).astype(np.float32)
    x[:, 2] += 0.8 * labels
    tools = np.flatnonzero((rng.random(nodes) < TOOLS) & (labels == 0))
    x[tools, :2] += 1.5
    pairs = rng.integers(0, nodes, (nodes * 3, 2))
    if signal:
        frauds = np.flatnonzero(labels)
        near = np.stack([np.repeat(frauds, 4), rng.choice(tools, 4 * len(frauds))], axis=1)
        pairs = np.concatenate([pairs, near])
    lot = rng.random((splits, nodes))
    return {
        "node_features": x,
        "node_labels": labels,
        "edges": pairs,
        "train_masks": lot < 0.5,
        "val_masks": (lot >= 0.5) & (lot < 0.7),
        "test_masks": lot >= 0.7,
    }


def saved(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """As ``.npz``."""
    told: dict[str, Any] = dict(arrays)
    np.savez_compressed(path, **told)
    return path

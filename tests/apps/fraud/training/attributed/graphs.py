"""Attributed graphs drawn for tests: with and without signal in who is beside whom."""

from pathlib import Path
from typing import Any

import numpy as np


def drawn(
    nodes: int = 1200, *, signal: bool, seed: int = 0, splits: int = 3, features: int = 6
) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz``.

    With `signal`, frauds sit beside nodes whose first two features are raised, and show little
    themselves; without it, edges are drawn by lot and the features alone tell a part.
    """
    rng = np.random.default_rng(seed)
    labels = (rng.random(nodes) < 0.12).astype(np.int64)
    x = rng.normal(size=(nodes, features)).astype(np.float32)
    x[:, 2] += 0.8 * labels
    tools = np.flatnonzero((rng.random(nodes) < 0.25) & (labels == 0))
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

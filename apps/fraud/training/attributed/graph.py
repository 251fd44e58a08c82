"""An attributed graph, and whether arrays make one: shapes, kinds, what fits together.

What is refused names the file, the array, the first value at fault and what is allowed.
"""

from dataclasses import dataclass
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from loupe.contract.runtime.errors import InputRefused

NAMES: Final = (
    "node_features", "node_labels", "edges", "train_masks", "val_masks", "test_masks",
)  # fmt: skip
SPLITS: Final = ("train", "val", "test")
MOST_NODES: Final = 20_000_000
MOST_EDGES: Final = 200_000_000
MOST_FEATURES: Final = 20_000
MOST_SPLITS: Final = 1000
UNKNOWN: Final = -1


@dataclass(frozen=True)
class AttributedGraph:
    """Nodes with features and labels, and who is beside whom.

    Attributes:
        features: [N, F] float32.
        labels: [N] 0 or 1; −1 where it is not known, which is so of no node in a mask.
        edges: [2, E] each direction once, without self-loops and repeats.
        train, val, test: [S, N] bool.
        left_out: nodes that stood in a mask and have no label.
    """

    name: str
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    edges: NDArray[np.int64]
    train: NDArray[np.bool_]
    val: NDArray[np.bool_]
    test: NDArray[np.bool_]
    left_out: int = 0

    def split(self, seed: int) -> tuple[NDArray[np.int64], ...]:
        """The nodes of training, validation and test of the split that a seed gets."""
        at = seed % len(self.train)
        return tuple(np.flatnonzero(part[at]) for part in (self.train, self.val, self.test))


def checked(name: str, arrays: dict[str, np.ndarray]) -> AttributedGraph:
    """The graph that arrays called `NAMES` make.

    A label of −1 or NaN is not known: its node is a neighbour like any other, and is taken out of
    the masks. Labels of nodes in no mask are not looked at.

    Raises:
        InputRefused: they do not fit together, or hold what is not allowed.
    """
    refuse = _Refusing(name)
    for key in NAMES:
        if arrays[key].dtype.kind not in "fiub":
            refuse(f"{key} has the type {arrays[key].dtype}", "give numbers")
    features = _features(arrays["node_features"], refuse)
    nodes = len(features)
    masks = [_mask(key, arrays[key], nodes, refuse) for key in NAMES[3:]]
    if len({len(mask) for mask in masks}) != 1:
        refuse(f"masks are {[len(one) for one in masks]} splits", "give as many of each kind")
    labels, left_out = _labels(arrays["node_labels"], nodes, masks, refuse)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        if (shared := masks[first] & masks[second]).any():
            split, node = np.argwhere(shared)[0]
            both = f"{NAMES[3 + first]} and {NAMES[3 + second]}"
            refuse(f"{both} share nodes, such as {node} in split {split}", "keep them apart")
    for key, mask in zip(NAMES[3:], masks, strict=True):
        for at, each in enumerate(mask):
            if len(np.unique(labels[each])) < 2:
                refuse(f"split {at} of {key} has labels of one kind only", "give both")
    edges = _edges(arrays["edges"], nodes, refuse)
    train, val, test = masks
    return AttributedGraph(name, features, labels, edges, train, val, test, left_out)


class _Refusing:
    """Refuses in a sentence that begins with the file's name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, what: str, instead: str) -> NoReturn:
        raise InputRefused(f"{self._name}: {what}; {instead}.", code="graph_invalid")


def _features(given: np.ndarray, refuse: _Refusing) -> NDArray[np.float32]:
    if given.ndim != 2 or not 0 < given.shape[1] <= MOST_FEATURES:
        refuse(f"node_features has the shape {given.shape}", f"give [nodes, 1–{MOST_FEATURES}]")
    if not 0 < len(given) <= MOST_NODES:
        refuse(f"node_features has {len(given)} nodes", f"give 1 to {MOST_NODES:,}")
    with np.errstate(over="ignore"):
        features = given.astype(np.float32)
    if not np.isfinite(features).all():
        node, column = np.argwhere(~np.isfinite(features))[0]
        value = given[node, column]
        most = f"{np.finfo(np.float32).max:.2g}"
        refuse(
            f"node_features of node {node} is {value:g} in column {column}",
            f"give finite numbers of at most ±{most}",
        )
    return features


def _labels(
    given: np.ndarray, nodes: int, masks: list[NDArray[np.bool_]], refuse: _Refusing
) -> tuple[NDArray[np.int64], int]:
    """[N] of 0, 1 and −1, and how many nodes were taken out of `masks`, which change."""
    if given.shape == (nodes, 1):
        given = given[:, 0]
    if given.shape != (nodes,):
        refuse(f"node_labels has the shape {given.shape}", f"give [{nodes}]")
    known = (given == 0) | (given == 1)
    unknown = np.isnan(given) if given.dtype.kind == "f" else np.zeros(nodes, np.bool_)
    if given.dtype.kind != "u":
        unknown |= given == UNKNOWN
    for key, mask in zip(NAMES[3:], masks, strict=True):
        if (odd := mask & ~known & ~unknown).any():
            node = int(np.argwhere(odd)[0, 1])
            refuse(
                f"node_labels of node {node}, which is in {key}, is {given[node]:g}",
                "give 0 and 1, and −1 where it is not known",
            )
    out = unknown & np.logical_or.reduce([mask.any(axis=0) for mask in masks])
    for mask in masks:
        mask[:, out] = False
    return np.where(known, given == 1, UNKNOWN).astype(np.int64), int(out.sum())


def _mask(key: str, mask: np.ndarray, nodes: int, refuse: _Refusing) -> NDArray[np.bool_]:
    """[S, N] of a mask given as [N], [S, N] or [N, S]; a copy."""
    if mask.ndim == 1:
        mask = mask[None]
    if mask.ndim == 2 and mask.shape[1] != nodes and mask.shape[0] == nodes:
        mask = mask.T
    if mask.ndim != 2 or mask.shape[1] != nodes or not 0 < len(mask) <= MOST_SPLITS:
        refuse(f"{key} has the shape {mask.shape}", f"give [splits, {nodes}] of true and false")
    if (odd := (mask != 0) & (mask != 1)).any():
        split, node = np.argwhere(odd)[0]
        refuse(
            f"{key} of node {node} in split {split} is {mask[split, node]:g}",
            "give true and false, or 1 and 0",
        )
    return mask.astype(np.bool_, order="C", copy=True)


def _edges(edges: np.ndarray, nodes: int, refuse: _Refusing) -> NDArray[np.int64]:
    if edges.ndim == 2 and edges.shape[1] != 2 and edges.shape[0] == 2:
        edges = edges.T
    if edges.ndim != 2 or edges.shape[1] != 2 or len(edges) > MOST_EDGES:
        refuse(f"edges has the shape {edges.shape}", f"give [edges, 2], at most {MOST_EDGES:,}")
    if edges.dtype.kind == "b":
        refuse("edges has the type bool", "give numbers of nodes")
    # Written so that NaN is outside too.
    if (odd := ~((edges >= 0) & (edges < nodes))).any():
        row, end = np.argwhere(odd)[0]
        refuse(
            f"edges names node {edges[row, end]:g} in row {row}",
            f"give numbers from 0 to {nodes - 1}",
        )
    if edges.dtype.kind == "f" and (odd := edges != np.floor(edges)).any():
        row, end = np.argwhere(odd)[0]
        refuse(f"edges has the fraction {edges[row, end]:g} in row {row}", "give numbers of nodes")
    pairs = edges.astype(np.int64)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    both = np.concatenate([pairs, pairs[:, ::-1]])
    keys = np.unique(both[:, 0] * nodes + both[:, 1])
    return np.stack([keys // nodes, keys % nodes])

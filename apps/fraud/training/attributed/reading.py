"""Attributed graphs from files: an ``.npz`` archive, or a folder of parquet tables.

``.npz`` as the heterophilous benchmarks have it (Platonov et al., ICLR 2023): `node_features`
[N, F], `node_labels` [N] of 0 and 1, `edges` [E, 2], and `train_masks`, `val_masks`, `test_masks`
[S, N]. As a folder: ``nodes.parquet`` with `label` and `train_mask`, `val_mask`, `test_mask` (with
a number behind, `train_mask_0` …, for several splits), every other column a feature;
``edges.parquet`` with `source` and `target`, numbers of rows. Nothing is unpickled, and sizes are
checked before anything is unpacked.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loupe.contract.runtime.errors import InputRefused

NAMES: Final = (
    "node_features", "node_labels", "edges", "train_masks", "val_masks", "test_masks",
)  # fmt: skip
MOST_BYTES: Final = 4 * 2**30
MOST_NODES: Final = 20_000_000
MOST_EDGES: Final = 200_000_000
MOST_FEATURES: Final = 20_000
SPLITS: Final = ("train", "val", "test")


@dataclass(frozen=True)
class AttributedGraph:
    """Nodes with features and labels, and who is beside whom.

    Attributes:
        features: [N, F] float32.
        labels: [N] 0 or 1.
        edges: [2, E] each direction once, without self-loops and repeats.
        train, val, test: [S, N] bool.
    """

    name: str
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    edges: NDArray[np.int64]
    train: NDArray[np.bool_]
    val: NDArray[np.bool_]
    test: NDArray[np.bool_]

    def split(self, seed: int) -> tuple[NDArray[np.int64], ...]:
        """The nodes of training, validation and test of the split that a seed gets."""
        at = seed % len(self.train)
        return tuple(np.flatnonzero(part[at]) for part in (self.train, self.val, self.test))


def is_graph(path: Path) -> bool:
    """Whether a path looks like an attributed graph rather than transactions."""
    if path.is_dir():
        return (path / "nodes.parquet").is_file() and (path / "edges.parquet").is_file()
    return path.suffix.lower() == ".npz"


def read_graph(path: Path) -> AttributedGraph:
    """Read and check.

    Raises:
        InputRefused: the file is damaged or too large, an array is missing, or they do not fit
            together; the message names it.
    """
    if path.is_dir():
        arrays = _of_tables(path)
    else:
        if not path.is_file():
            raise InputRefused(f"{path} is no file.", code="no_file")
        arrays = _of_archive(path)
    return _checked(path.name, arrays)


def _of_archive(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {one.filename.removesuffix(".npy"): one.file_size for one in archive.infolist()}
        _missing(path, set(sizes))
        if sum(sizes[name] for name in NAMES) > MOST_BYTES:
            raise InputRefused(
                f"{path.name} unpacks to more than {MOST_BYTES // 2**30} GiB, the most that is "
                "read. Give a smaller graph.",
                code="graph_too_large",
            )
        found = {}
        with np.load(path, allow_pickle=False) as data:
            for name in NAMES:
                found[name] = data[name]
        return found
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError, MemoryError) as error:
        raise InputRefused(
            f"{path.name} cannot be read as .npz: {str(error)[:200]}. Arrays must be of numbers; "
            "objects would have to be unpickled, which Loupe never does.",
            code="graph_damaged",
        ) from error


def _missing(path: Path, there: set[str]) -> None:
    if missing := [name for name in NAMES if name not in there]:
        raise InputRefused(
            f"{path.name} has no array {missing[0]!r}; it needs {', '.join(NAMES)}.",
            code="graph_incomplete",
        )


def _of_tables(path: Path) -> dict[str, np.ndarray]:
    try:
        nodes = pl.read_parquet(path / "nodes.parquet")
        edges = pl.read_parquet(path / "edges.parquet")
        masks = {
            split: [one for one in nodes.columns if one.startswith(f"{split}_mask")]
            for split in SPLITS
        }
        if "label" not in nodes.columns or not all(masks.values()):
            raise InputRefused(
                "nodes.parquet needs the columns label, train_mask, val_mask and test_mask.",
                code="graph_incomplete",
            )
        rest = [one for one in nodes.columns if "_mask" not in one and one != "label"]
        told = {
            f"{split}_masks": nodes.select(names).to_numpy().T for split, names in masks.items()
        }
        return {
            "node_features": nodes.select(rest).cast(pl.Float32).to_numpy(),
            "node_labels": nodes["label"].to_numpy(),
            "edges": edges.select("source", "target").to_numpy(),
            **told,
        }
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputRefused(
            f"The tables of {path.name} cannot be read: {str(error)[:200]}.", code="graph_damaged"
        ) from error


def _checked(name: str, arrays: dict[str, Any]) -> AttributedGraph:
    features, labels = arrays["node_features"], arrays["node_labels"]
    for key in NAMES:
        if arrays[key].dtype.kind not in "fiub":
            _refuse(f"{key} has the type {arrays[key].dtype}", "give numbers")
    if features.ndim != 2 or not 0 < features.shape[1] <= MOST_FEATURES:
        _refuse(f"node_features has the shape {features.shape}", f"give [nodes, 1–{MOST_FEATURES}]")
    nodes = len(features)
    if not 0 < nodes <= MOST_NODES or labels.shape != (nodes,):
        _refuse(f"node_labels has the shape {labels.shape}", f"give [{nodes}]")
    features = features.astype(np.float32)
    if not np.isfinite(features).all():
        row = int(np.argwhere(~np.isfinite(features))[0, 0])
        _refuse(f"node_features of node {row} is not finite", "give finite numbers")
    if not np.isin(labels, (0, 1)).all():
        _refuse(f"node_labels has {np.unique(labels)[:5].tolist()}", "give 0 and 1")
    masks = [_mask(key, arrays[key], nodes) for key in NAMES[3:]]
    if len({len(mask) for mask in masks}) != 1:
        _refuse(f"masks are {[len(one) for one in masks]} splits", "give as many of each kind")
    for first, second in ((0, 1), (0, 2), (1, 2)):
        if (masks[first] & masks[second]).any():
            _refuse(f"{NAMES[3 + first]} and {NAMES[3 + second]} share nodes", "keep them apart")
    labels = labels.astype(np.int64)
    for key, mask in zip(NAMES[3:], masks, strict=True):
        for at, each in enumerate(mask):
            if len(np.unique(labels[each])) < 2:
                _refuse(f"split {at} of {key} has labels of one kind only", "give both")
    return AttributedGraph(name, features, labels, _edges(arrays["edges"], nodes), *masks)


def _mask(key: str, mask: np.ndarray, nodes: int) -> NDArray[np.bool_]:
    """[S, N] of a mask given as [N], [S, N] or [N, S]."""
    if mask.ndim == 1:
        mask = mask[None]
    if mask.ndim == 2 and mask.shape[1] != nodes and mask.shape[0] == nodes:
        mask = mask.T
    if mask.ndim != 2 or mask.shape[1] != nodes or not 0 < len(mask) <= 1000:
        _refuse(f"{key} has the shape {mask.shape}", f"give [splits, {nodes}]")
    return np.ascontiguousarray(mask.astype(np.bool_))


def _edges(edges: np.ndarray, nodes: int) -> NDArray[np.int64]:
    if edges.ndim == 2 and edges.shape[1] != 2 and edges.shape[0] == 2:
        edges = edges.T
    if edges.ndim != 2 or edges.shape[1] != 2 or len(edges) > MOST_EDGES:
        _refuse(f"edges has the shape {edges.shape}", "give [edges, 2]")
    if edges.dtype.kind == "f" and (edges != np.floor(edges)).any():
        _refuse("edges has fractions", "give numbers of nodes")
    pairs = edges.astype(np.int64)
    if len(pairs) and not 0 <= pairs.min() <= pairs.max() < nodes:
        _refuse(f"edges names node {int(pairs.max())}", f"give numbers from 0 to {nodes - 1}")
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    both = np.concatenate([pairs, pairs[:, ::-1]])
    keys = np.unique(both[:, 0] * nodes + both[:, 1])
    return np.stack([keys // nodes, keys % nodes])


def _refuse(what: str, instead: str) -> None:
    raise InputRefused(f"{what}; {instead}.", code="graph_invalid")

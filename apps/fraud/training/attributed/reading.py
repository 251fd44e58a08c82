"""Attributed graphs from files: an ``.npz`` archive, or a folder of parquet tables.

``.npz`` as the heterophilous benchmarks have it (Platonov et al., ICLR 2023): `node_features`
[N, F], `node_labels` [N] of 0 and 1 (−1: not known), `edges` [E, 2], and `train_masks`,
`val_masks`, `test_masks` [S, N]. As a folder: ``nodes.parquet`` with `label` and `train_mask`,
`val_mask`, `test_mask` (with a number behind, `train_mask_0` …, for several splits), every other
column a feature; ``edges.parquet`` with `source` and `target`, numbers of rows. Nothing is
unpickled, and sizes are checked before anything is unpacked.
"""

import zipfile
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from apps.fraud.training.attributed.graph import NAMES, SPLITS, AttributedGraph, checked
from loupe.contract.runtime.errors import InputRefused

MOST_BYTES: Final = 4 * 2**30


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
    return checked(path.name, arrays)


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
        pickled = "allow_pickle" in str(error)
        instead = (
            "Arrays must be of numbers; objects would have to be unpickled, which Loupe never does."
            if pickled
            else "Write it again with numpy.savez."
        )
        raise InputRefused(
            f"{path.name} cannot be read as .npz: {str(error)[:200]}. {instead}",
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
        # A label that is missing is not known; anything else has to be there.
        _numbers(nodes.select(rest), "nodes", " Columns but label and masks are features.")
        _numbers(nodes.select(one for names in masks.values() for one in names), "nodes")
        _numbers(nodes.select(pl.col("label").fill_null(0)), "nodes")
        _numbers(edges.select("source", "target"), "edges")
        told = {
            f"{split}_masks": nodes.select(names).to_numpy().T for split, names in masks.items()
        }
        return {
            "node_features": nodes.select(rest).to_numpy(),
            "node_labels": nodes["label"].cast(pl.Float64).to_numpy(),
            "edges": edges.select("source", "target").to_numpy(),
            **told,
        }
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputRefused(
            f"The tables of {path.name} cannot be read: {str(error)[:200]}.", code="graph_damaged"
        ) from error


def _numbers(table: pl.DataFrame, file: str, why: str = "") -> None:
    """Refuse a column that is not of numbers or of true and false, or has gaps."""
    for column in table:
        if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
            raise InputRefused(
                f"{file}.parquet: the column {column.name!r} has the type {column.dtype}; give "
                f"numbers.{why}",
                code="graph_invalid",
            )
        if column.null_count():
            raise InputRefused(
                f"{file}.parquet: the column {column.name!r} is empty in row "
                f"{column.is_null().arg_max()}; give a number.",
                code="graph_invalid",
            )

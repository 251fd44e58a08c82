"""Columns of several result blocks, one after the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.steps import load

READ = "loupe.jobs.parquet:columns"
"""Reads the named columns of a block's file; the host's, loaded in this process alone."""


def together(blocks: Sequence[str], names: Sequence[str]) -> Columns:
    """The named columns of all blocks; where a block lacks one it is empty text, NaN or false
    there. A column that no block has is left out."""
    read = load(READ)
    parts: list[dict[str, NDArray[Any]]] = [read(Path(block), [*names, "id"]) for block in blocks]
    sizes = [len(part["id"]) for part in parts]
    found: dict[str, NDArray[Any]] = {}
    for name in dict.fromkeys(names):
        there = next((part[name] for part in parts if name in part), None)
        if there is not None:
            found[name] = np.concatenate(
                [
                    part[name] if name in part else _nothing(there.dtype, size)
                    for part, size in zip(parts, sizes, strict=True)
                ]
            )
    return found


def labels_of(columns: Columns, file: str) -> NDArray[np.int64]:
    """The label of each row: 1 fraud, 0 honest, −1 not known.

    What was told of a transaction later holds before what its own row said.
    """
    ids = columns["id"]
    none = np.full(len(ids), -1, dtype=np.int64)
    found = np.nan_to_num(columns.get("label", none).astype(np.float64), nan=-1).astype(np.int64)
    if not file:
        return found
    with np.load(file, allow_pickle=False) as kept:
        known, said = kept["ids"], kept["labels"]
    if not len(known) or not len(ids):
        return found
    order = np.argsort(known)
    known, said = known[order], said[order]
    at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.where(known[at] == ids, said[at], found)


def newest_of_each(ids: NDArray[np.str_]) -> NDArray[np.int64]:
    """Rows, ascending: the last one of every id, for a transaction may have been scored again."""
    _, first = np.unique(ids[::-1], return_index=True)
    return np.sort(len(ids) - 1 - first)


def _nothing(dtype: "np.dtype[Any]", size: int) -> NDArray[Any]:
    if dtype.kind == "U":
        return np.full(size, "")
    return np.full(size, False) if dtype.kind == "b" else np.full(size, np.nan)

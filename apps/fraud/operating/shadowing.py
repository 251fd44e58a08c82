"""One block decided by a challenger: a file with every decision, and what is different."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from apps.fraud.operating.blocks import Decisions
from apps.fraud.operating.challenger import Challenger
from apps.fraud.schema import OUTCOMES

MOST_LISTED = 2_000
"""Differences of a block that are told one by one; the file has all."""


@dataclass(frozen=True, kw_only=True)
class Shadowed:
    """What came of a block.

    Attributes:
        matrix: by ``champion>challenger``, rows and their amount in minor units.
        listed: the first differences, as the columns of `ShadowDifference`.
    """

    rows: int
    same: int
    matrix: dict[str, list[int]]
    listed: list[dict[str, Any]]


def shadow(block: Decisions, challenger: Challenger, out: Path, *, again: bool) -> Shadowed:
    """Decide `block` once more and write the decisions to `out`.

    Raises:
        InputRefused: the block lacks a feature of the model.
    """
    columns = challenger.scored(block, again=again)
    ours, theirs = challenger.decided(columns), block.production
    table = pa.table(
        {
            "row": pa.array(block.rows),
            "id": pa.array(columns["id"]),
            "champion": pa.array(theirs.outcome),
            "champion_label": pa.array(theirs.label),
            "champion_score": pa.array(block.columns["score"]),
            "challenger": pa.array(ours.outcome),
            "challenger_label": pa.array(ours.label),
            "challenger_score": pa.array(columns["score"]),
        }
    )
    half = out.with_name(f"{out.name}.half-{os.getpid()}")
    pq.write_table(table, half, compression="zstd")
    half.replace(out)
    different = theirs.outcome != ours.outcome
    return Shadowed(
        rows=len(block),
        same=int(len(block) - different.sum()),
        matrix=_matrix(theirs.outcome, ours.outcome, columns["amount"]),
        listed=[
            {
                "row": int(block.rows[row]),
                "transaction": str(columns["id"][row]),
                "event_ms": int(columns["event_time"][row]),
                "amount": int(columns["amount"][row]),
                "champion": str(theirs.outcome[row]),
                "challenger": str(ours.outcome[row]),
                "champion_score": _told(block.columns["score"][row]),
                "challenger_score": _told(columns["score"][row]),
            }
            for row in np.flatnonzero(different)[:MOST_LISTED].tolist()
        ],
    )


def _matrix(
    champion: np.ndarray, challenger: np.ndarray, amount: np.ndarray
) -> dict[str, list[int]]:
    found = {}
    for one in OUTCOMES:
        for two in OUTCOMES:
            mask = (champion == one) & (challenger == two)
            if mask.any():
                found[f"{one}>{two}"] = [int(mask.sum()), int(amount[mask].sum())]
    return found


def _told(score: float) -> float | None:
    return float(score) if np.isfinite(score) else None

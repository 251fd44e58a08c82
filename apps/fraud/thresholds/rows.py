"""Scored transactions as fitting sees them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import FRAUD, HONEST
from loupe.contract.runtime.columns import Columns, row_count
from loupe.contract.runtime.errors import InputRefused

DAY = 86_400_000
"""Milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Arrays of one length: score, amount (minor units), time (milliseconds), label and band."""

    score: NDArray[np.float64]
    amount: NDArray[np.int64]
    time: NDArray[np.int64]
    label: NDArray[np.int64]
    band: NDArray[np.int64]

    def only(self, mask: NDArray[np.bool_]) -> "Scored":
        """Some of the rows."""
        return Scored(
            score=self.score[mask],
            amount=self.amount[mask],
            time=self.time[mask],
            label=self.label[mask],
            band=self.band[mask],
        )

    @property
    def honest(self) -> "Scored":
        """Those known to be honest."""
        return self.only(self.label == HONEST)

    @property
    def fraud(self) -> "Scored":
        """Those known to be frauds."""
        return self.only(self.label == FRAUD)


def scored(columns: Columns, labels: NDArray[np.int64], edges: tuple[int, ...]) -> Scored:
    """The rows of a block with their labels; a score that is not a number is left out.

    Raises:
        InputRefused: the labels are not as many as the rows.
    """
    rows = row_count(columns)
    if len(labels) != rows:
        raise InputRefused(f"{len(labels):,} labels came for {rows:,} rows.", code="labels_differ")
    amount = np.asarray(columns["amount"], dtype=np.int64)
    score = np.asarray(columns["score"], dtype=np.float64)
    found = Scored(
        score=score,
        amount=amount,
        time=np.asarray(columns["event_time"], dtype=np.int64),
        label=np.asarray(labels, dtype=np.int64),
        band=np.searchsorted(np.array(edges, dtype=np.int64), amount, side="right"),
    )
    return found.only(~np.isnan(score))


def parted(rows: Scored, at: int | None = None) -> tuple[Scored, Scored, int]:
    """The earlier rows that choose, the later ones that certify, and the moment between them.

    Args:
        at: milliseconds; None: the midnight (UTC) that halves the honest rows best.

    Raises:
        InputRefused: one side has no honest row.
    """
    if at is None:
        times = rows.honest.time
        if not len(times):
            raise _one_sided(0, 0)
        middle = int(np.quantile(times, 0.5))
        at = (middle + DAY // 2) // DAY * DAY
        if not (times >= at).any() or not (times < at).any():
            at = middle  # all on one day
    earlier, later = rows.only(rows.time < at), rows.only(rows.time >= at)
    if not len(earlier.honest.time) or not len(later.honest.time):
        raise _one_sided(len(earlier.honest.time), len(later.honest.time))
    return earlier, later, at


def _one_sided(earlier: int, later: int) -> InputRefused:
    return InputRefused(
        f"{earlier:,} legitimate rows could choose thresholds and {later:,} later ones certify "
        "them; both are needed. Score a longer stretch of labelled transactions.",
        code="stretch_too_short",
    )

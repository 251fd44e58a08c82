"""Running count and sum per account: the probe's live state."""

from pathlib import Path

import numpy as np

from loupe.contract.runtime.columns import row_count
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload

ACCOUNTS = 100_000


class RunningSums:
    """Exact sums of integer cents; rows of one request are applied in order."""

    def __init__(self) -> None:
        self.counts = np.zeros(ACCOUNTS, dtype=np.int64)
        self.totals = np.zeros(ACCOUNTS, dtype=np.int64)

    def apply(self, request: Payload) -> Payload:
        accounts = request.arrays["account"]
        cents = request.arrays["cents"]
        rows = row_count({"account": accounts, "cents": cents})
        if rows and (accounts.min() < 0 or accounts.max() >= ACCOUNTS):
            raise InputRefused(
                f"account={int(accounts.max())} is not below {ACCOUNTS}.", code="unknown_account"
            )
        order = np.argsort(accounts, kind="stable")
        grouped = accounts[order]
        starts = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]]) if rows else order
        lengths = np.diff(np.r_[starts, rows])
        rank = np.arange(rows) - np.repeat(starts, lengths) + 1
        running = np.cumsum(cents[order])
        before = np.repeat(running[starts] - cents[order][starts], lengths)
        counts = np.empty(rows, dtype=np.int64)
        totals = np.empty(rows, dtype=np.int64)
        counts[order] = self.counts[grouped] + rank
        totals[order] = self.totals[grouped] + running - before
        np.add.at(self.counts, accounts, 1)
        np.add.at(self.totals, accounts, cents)
        return Payload(
            arrays={
                "account": accounts,
                "cents": cents,
                "count": counts,
                "total_cents": totals,
            }
        )

    def snapshot(self, folder: Path) -> None:
        np.save(folder / "counts.npy", self.counts, allow_pickle=False)
        np.save(folder / "totals.npy", self.totals, allow_pickle=False)

    def restore(self, folder: Path) -> None:
        self.counts = np.load(folder / "counts.npy", allow_pickle=False)
        self.totals = np.load(folder / "totals.npy", allow_pickle=False)

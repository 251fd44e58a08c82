"""Stored blocks of decided transactions, read whole. Loads pyarrow: for processes of their own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.block_file import table_of
from loupe.contract.runtime.columns import Columns

DECISION = "decision."
"""Before the columns of what production decided."""


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Transactions of a block and what production decided about them.

    `rows` [n] are their places in the block as it is stored.
    """

    columns: Columns
    production: DecisionColumns
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, mask: NDArray[np.bool_]) -> "Decisions":
        """Those of a mask."""
        if mask.all():
            return self
        return Decisions(
            columns={name: column[mask] for name, column in self.columns.items()},
            production=DecisionColumns(
                outcome=self.production.outcome[mask],
                score=self.production.score[mask],
                label=self.production.label[mask],
            ),
            rows=self.rows[mask],
        )


def read(path: Path) -> Decisions:
    """The transactions of a block that were taken and had not come before."""
    table = table_of(path)
    columns: dict[str, np.ndarray] = {}
    for name in table.column_names:
        array = table[name].to_numpy()
        columns[name] = array.astype(np.str_) if array.dtype == object else array
    told = {name: columns.pop(DECISION + name) for name in ("outcome", "score", "label")}
    found = Decisions(
        columns=columns,
        production=DecisionColumns(**told),
        rows=np.arange(table.num_rows, dtype=np.int64),
    )
    return found.only((columns["refused"] == "") & ~columns["repeated"])

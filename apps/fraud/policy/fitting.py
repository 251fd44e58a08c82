"""Thresholds fitted on the labelled transactions of a project, with the curve they stand on.

What a block says is kept as one part on the disk, written whole or not at all, so that fitting
goes on where a worker was killed.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.policy.asked import FitFound
from apps.fraud.policy.curve import curve
from apps.fraud.policy.reading import newest_of_each, together
from apps.fraud.schema import OperatingPoint
from apps.fraud.thresholds.asked import Asked
from apps.fraud.thresholds.bounds import rows_needed
from apps.fraud.thresholds.fit import fit
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused

COLUMNS: Final = ("id", "event_time", "amount", "score", "refused", "label")
UNTOLD: Final = -2
"""For a transaction of which no word was told: what its own row said holds."""


@dataclass
class Fitting:
    """The parts of one fit.

    Attributes:
        path: their folder.
    """

    path: Path
    _open: Columns | None = None

    def done(self, blocks: int) -> list[int]:
        """Numbers of the blocks that are read."""
        return [number for number in range(blocks) if self._file(number).exists()]

    def read(self, block: Path) -> tuple[list[str], list[int]]:
        """Open a block: ids and times of its transactions that were scored."""
        columns = together([str(block)], COLUMNS)
        if "score" not in columns:
            raise InputRefused("The block holds no scores.", code="no_scores")
        kept = ~np.isnan(columns["score"])
        self._open = {name: column[kept] for name, column in columns.items()}
        return self._open["id"].tolist(), self._open["event_time"].tolist()

    def keep(self, number: int, told: Sequence[int], silent_before: int) -> dict[str, int]:
        """Keep the open block with its labels; how many rows there are, honest and fraud.

        Args:
            told: of each 1 fraud, 0 honest, −1 said to be unknown, `UNTOLD`.
            silent_before: milliseconds: what is older and without a label counts as legitimate;
                0: none does.
        """
        if self._open is None:
            raise InputRefused("No block is open.", code="order")
        columns, said = self._open, np.asarray(told, dtype=np.int64)
        none = np.full(len(said), -1, dtype=np.int64)
        own = np.nan_to_num(columns.get("label", none).astype(np.float64), nan=-1)
        labels = np.where(said == UNTOLD, own.astype(np.int64), said)
        labels = np.where((labels < 0) & (columns["event_time"] < silent_before), 0, labels)
        self.path.mkdir(parents=True, exist_ok=True)
        unfinished = self.path / f".{number}.{os.getpid()}"
        with unfinished.open("wb") as file:
            names = ("id", "event_time", "amount", "score", "refused")
            kept = {name: columns[name] for name in names if name in columns}
            np.savez(file, allow_pickle=False, known=labels, **kept)
        unfinished.replace(self._file(number))
        self._open = None
        return _counted(labels)

    def concluded(self, blocks: int, asked: Asked, point: OperatingPoint) -> FitFound:
        """A proposal; or why there is none, with how many legitimate rows are missing at least.

        Args:
            point: whose rules go on, and whose thresholds are replaced.
        """
        parts = []
        for number in self.done(blocks):
            with np.load(self._file(number), allow_pickle=False) as kept:
                parts.append({name: kept[name] for name in kept.files})
        parts = [part for part in parts if len(part["id"])]
        if not parts:
            return FitFound(refused="no transaction", code="no_rows", missing=_least(asked))
        names = set.intersection(*(set(part) for part in parts))
        columns = {name: np.concatenate([part[name] for part in parts]) for name in names}
        newest = newest_of_each(columns["id"])
        columns = {name: column[newest] for name, column in columns.items()}
        labels = columns.pop("known")
        seen = FitFound().model_copy(update=_counted(labels))
        try:
            found = fit(columns, labels, point, asked)
        except InputRefused as error:
            missing = max(1, _least(asked) - seen.honest)
            told = {"refused": error.message, "code": error.code, "missing": missing}
            return seen.model_copy(update=told)
        later = columns["event_time"] >= found.certificate.certified_from
        drawn = curve(columns["score"][later], labels[later])
        return seen.model_copy(update={"fitted": found, "curve": drawn})

    def _file(self, number: int) -> Path:
        return self.path / f"{number}.npz"


def _counted(labels: NDArray[np.int64]) -> dict[str, int]:
    return {
        "rows": len(labels),
        "fraud": int((labels == 1).sum()),
        "honest": int((labels == 0).sum()),
    }


def _least(asked: Asked) -> int:
    """Legitimate rows that the smallest budget takes if not one of them is stopped: as many again
    choose the thresholds."""
    shares = [budget.at_most for budget in asked.budgets]
    needed = rows_needed(0.0, min(shares), asked.delta) if shares else 1
    return 2 * (needed or 1)

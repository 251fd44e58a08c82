"""What a backtest keeps of each block, so that it can go on where a worker was killed.

A part is one ``.npz`` file below the backtest's folder, written whole or not at all: a handful of
columns a row, and what each rule did. The end puts all parts together.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.fraud.operating.backtest import Decided
from apps.fraud.operating.blocks import Decisions
from apps.fraud.operating.challenger import Challenger
from apps.fraud.operating.compare import Comparison, compare
from apps.fraud.operating.prices import Prices
from apps.fraud.rules.counting import Count, counts
from apps.fraud.schema import OperatingPoint
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.columns import Columns

SIDES = ("champion", "challenger")
_ROWS = ("id", "event_time", "amount", "payer", "label")


@dataclass(frozen=True)
class Folder:
    """The parts of one backtest."""

    path: Path

    def there(self, number: int) -> bool:
        """Whether a block is done."""
        return self._file(number).exists()

    def ids(self) -> set[str]:
        """Of all transactions that are taken."""
        found: set[str] = set()
        for part in self._all():
            found.update(part["id"].tolist())
        return found

    def write(
        self,
        number: int,
        block: Decisions,
        columns: Columns,
        labels: NDArray[np.int64],
        champion: OperatingPoint,
        challenger: Challenger,
    ) -> None:
        """Keep what production and the challenger decided about a block.

        Args:
            columns: the block's, with the challenger's scores.
        """
        theirs = block.production
        ours = challenger.decided(columns)
        points = (champion, challenger.point)
        held = [
            counts(point.rules, told, point.scheme.timezone, labels)
            for point, told in zip(points, (block.columns, columns), strict=True)
        ]
        payer = columns.get(f"entities.{champion.scheme.payer.key}")
        kept = {
            "id": columns["id"],
            "event_time": columns["event_time"],
            "amount": columns["amount"],
            "payer": payer if payer is not None else np.zeros(len(block), "U1"),
            "label": labels.astype(np.int8),
            "counts": np.array(json.dumps([[asdict(one) for one in side] for side in held])),
        }
        for side, told in zip(SIDES, (theirs, ours), strict=True):
            kept[f"{side}.outcome"], kept[f"{side}.label"] = told.outcome, told.label
        self.path.mkdir(parents=True, exist_ok=True)
        half = self.path / f"{number}.half-{os.getpid()}"
        with half.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **kept)
        half.replace(self._file(number))

    def concluded(
        self, champion: OperatingPoint, challenger: OperatingPoint, prices: Prices
    ) -> Comparison | None:
        """All parts together; None where no transaction was taken."""
        parts = [part for part in self._all() if len(part["id"])]
        if not parts:
            return None
        whole = {name: np.concatenate([part[name] for part in parts]) for name in _ROWS}
        columns = {
            "amount": whole["amount"],
            "event_time": whole["event_time"],
            f"entities.{champion.scheme.payer.key}": whole["payer"],
        }
        sides = [_side(parts, name, number) for number, name in enumerate(SIDES)]
        return compare(
            columns,
            whole["label"].astype(np.int64),
            champion,
            challenger,
            prices,
            decided=(sides[0], sides[1]),
        )

    def _file(self, number: int) -> Path:
        return self.path / f"{number}.npz"

    def _all(self) -> Iterator[dict[str, np.ndarray]]:
        for file in sorted(self.path.glob("*.npz"), key=lambda file: int(file.stem)):
            with np.load(file, allow_pickle=False) as part:
                yield dict(part)


def _side(parts: Sequence[dict[str, np.ndarray]], side: str, number: int) -> Decided:
    outcome, label = (
        np.concatenate([part[f"{side}.{name}"] for part in parts]) for name in ("outcome", "label")
    )
    summed: dict[str, Count] = {}
    for part in parts:
        for said in json.loads(str(part["counts"]))[number]:
            one, old = Count(**said), summed.get(said["key"])
            summed[one.key] = one if old is None else _sum(old, one)
    return Decided(
        decisions=DecisionColumns(outcome=outcome, score=np.zeros(len(outcome)), label=label),
        counts=tuple(summed.values()),
    )


def _sum(one: Count, other: Count) -> Count:
    return Count(
        key=one.key,
        hits=one.hits + other.hits,
        amount=one.amount + other.amount,
        alone=one.alone + other.alone,
        fraud=one.fraud + other.fraud,
        honest=one.honest + other.honest,
    )

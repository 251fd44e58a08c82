"""Neighbouring rows of a log, in a file or in memory, and a log that stands still."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from apps.fraud.live import encoding
from apps.fraud.live.segments import Segment

Array = NDArray[np.generic]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Neighbouring rows that are not a segment yet."""

    first: int
    parts: Sequence[pa.RecordBatch]

    @property
    def end(self) -> int:
        """The number after the last one."""
        count: int = sum(part.num_rows for part in self.parts)
        return self.first + count

    def pieces(self, names: Sequence[str] | None = None) -> Iterator[tuple[int, pa.Table]]:
        """As `Segment.pieces`."""
        at = self.first
        for part in self.parts:
            kept = part.schema.names if names is None else _there(names, part.schema.names)
            yield at, pa.Table.from_batches([part.select(kept)])
            at += part.num_rows

    def rows(self, offsets: Integers, names: Sequence[str]) -> pa.Table:
        """As `Segment.rows`."""
        table = pa.Table.from_batches(self.parts)
        return table.select(_there(names, table.column_names)).take(pa.array(offsets))


@dataclass(frozen=True)
class Still:
    """Stretches of a log, each with the number of its first row."""

    stretches: Sequence[tuple[int, Segment | Rows]]
    end: int

    def pieces(
        self, first: int, stop: int, names: Sequence[str] | None = None
    ) -> Iterator[tuple[int, dict[str, Array]]]:
        """Rows `first` to `stop` in pieces, each with the number of its first row."""
        for start, source in self.stretches:
            end = source.facts.end if isinstance(source, Segment) else source.end
            if start >= stop or end <= first:
                continue
            for at, piece in source.pieces(names):
                low, high = max(first - at, 0), min(stop - at, piece.num_rows)
                if low < high:
                    part = piece.slice(low, high - low)
                    yield (
                        at + low,
                        {name: encoding.column(part[name]) for name in part.column_names},
                    )


def _there(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    return [name for name in names if name in columns]

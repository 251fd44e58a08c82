"""What is known of a segment without opening it: its facts, and a filter for each entity.

Both come from the rows piece by piece, so that nobody has to hold all of them.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from apps.fraud.events import ENTITY
from apps.fraud.live import bloom, hashing
from apps.fraud.live.encoding import column


class Facts(BaseModel):
    """What is known of a segment without opening it; times are milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int
    rows: int
    form: Literal["arrow", "parquet"]
    earliest_event: int
    latest_event: int
    earliest_known: int
    latest_known: int
    entities: dict[str, tuple[int, int]]
    """By entity: where its filter lies among the filters, in words."""

    @property
    def end(self) -> int:
        """The number after its last transaction."""
        return self.first + self.rows


class Index:
    """Of rows that come piece by piece.

    Args:
        key: of the hashes in filters.
    """

    def __init__(self, key: hashing.Key) -> None:
        self._key, self._rows = key, 0
        self._hashes: dict[str, list[NDArray[np.uint64]]] = {}
        self._spans: dict[str, tuple[int, int]] = {}

    def add(self, rows: pa.Table) -> None:
        """Note the next rows; one at least."""
        self._rows += rows.num_rows
        for name in rows.column_names:
            if name.startswith(ENTITY):
                values = column(rows[name].unique())
                mine = self._hashes.setdefault(name.removeprefix(ENTITY), [])
                mine.append(entity_hashes(values[values != ""], self._key))
        for name in ("event_time", "known_at"):
            times = column(rows[name])
            low, high = self._spans.get(name, (2**63 - 1, -(2**63)))
            self._spans[name] = min(low, int(times.min())), max(high, int(times.max()))

    def told(
        self, first: int, form: Literal["arrow", "parquet"]
    ) -> tuple[Facts, Sequence[memoryview]]:
        """Facts of all rows, of which the first has that number, and the words of the filters."""
        filters: list[memoryview] = []
        places, at = {}, 0
        for name, hashes in self._hashes.items():
            words = bloom.of(np.unique(np.concatenate(hashes)))
            filters.append(words.data.cast("B"))
            places[name] = (at, len(words))
            at += len(words)
        event, known = self._spans["event_time"], self._spans["known_at"]
        facts = Facts(
            first=first, rows=self._rows, form=form, entities=places,
            earliest_event=event[0], latest_event=event[1],
            earliest_known=known[0], latest_known=known[1],
        )  # fmt: skip
        return facts, filters


def entity_hashes(values: NDArray[np.generic], key: hashing.Key) -> NDArray[np.uint64]:
    """[n] what filters know an entity's identifiers by."""
    return hashing.chained(np.zeros(len(values), np.uint64), values, key)

"""The events of one call, checked, with keys for identifiers, in the order they are worked on."""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import ATTRIBUTE, ENTITY, LARGEST_AMOUNT
from apps.fraud.features import columns
from apps.fraud.features.columns import LATEST, Array
from apps.fraud.features.hashing import keys_of
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.columns import Columns, row_count

SKEW: Final = 5 * 60 * 1000
"""Milliseconds that an event may lie ahead of its arrival; one further ahead counts as so far."""

_Kind = TypeVar("_Kind", bound=np.generic)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Columns of equal length.

    Attributes:
        times: when each event happened, milliseconds.
        amounts: minor units.
        labels, known: 1, 0 or −1, and when that is known; −1 where nothing was said.
        ids: keys of the transactions' ids.
        keys: by entity; 0 where there is none.
        values: by category attribute, keys.
        numbers: by number attribute; NaN where there is none.
    """

    times: Array
    amounts: Array
    labels: NDArray[np.int8]
    known: Array
    ids: Array
    keys: dict[str, Array]
    values: dict[str, Array]
    numbers: dict[str, NDArray[np.float64]]

    def part(self, which: slice | Array) -> "Batch":
        """Some of the rows."""
        return Batch(
            times=self.times[which],
            amounts=self.amounts[which],
            labels=self.labels[which],
            known=self.known[which],
            ids=self.ids[which],
            keys=_parts(self.keys, which),
            values=_parts(self.values, which),
            numbers=_parts(self.numbers, which),
        )


def _parts(named: dict[str, NDArray[_Kind]], which: slice | Array) -> dict[str, NDArray[_Kind]]:
    return {name: column[which] for name, column in named.items()}


def read(events: Columns, scheme: Scheme, secret: bytes, *, arrival: bool, named: bool) -> Batch:
    """Check the columns of a batch.

    Args:
        events: as `apps.fraud.events.fields` names them.
        scheme: of the project.
        secret: of the hash of identifiers.
        arrival: times are held to that of their arrival and `SKEW`.
        named: the ids of the transactions are wanted; else their keys are 0.

    Raises:
        InputRefused: a column is missing, of another type or out of range.
    """
    count = row_count(events)
    times = columns.integers(events, "event_time", LATEST)
    if arrival:
        times = np.minimum(times, columns.integers(events, "known_at", LATEST) + SKEW)
    labels, known = columns.labels(events, count)
    said: dict[str, list[str]] = {"category": [], "number": []}
    for attribute in scheme.attributes:
        said[attribute.kind].append(attribute.key)

    def keys(name: str) -> Array:
        return keys_of(columns.column(events, name), secret)

    return Batch(
        times=times,
        amounts=columns.integers(events, "amount", LARGEST_AMOUNT),
        labels=labels,
        known=known,
        ids=keys("id") if named else np.zeros(count, np.int64),
        keys={entity.key: keys(ENTITY + entity.key) for entity in scheme.entities},
        values={key: keys(ATTRIBUTE + key) for key in said["category"]},
        numbers={key: columns.numbers(events, ATTRIBUTE + key) for key in said["number"]},
    )

"""Identifiers on lists, each entry until its time: what the features ``listed_…`` tell."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.catalogue import LISTS
from loupe.contract.runtime.errors import InputRefused

Array = NDArray[np.int64]
FOREVER: Final = 2**62
MOST: Final = 1_000_000
"""Entries of all lists together."""


class Lists:
    """Entries by (list, entity, key of the identifier), with the time until which each holds."""

    def __init__(self, entities: tuple[str, ...]) -> None:
        self._entities = entities
        self._entries: dict[tuple[str, str], dict[int, int]] = {}
        self._sorted: dict[tuple[str, str], tuple[Array, Array]] = {}

    def change(self, listed: str, entity: str, key: int, until: int | None) -> None:
        """Enter an identifier until a time (milliseconds, excluded); None takes it off the list.

        Raises:
            InputRefused: there is no such list or entity, or the lists are full.
        """
        if listed not in LISTS or entity not in self._entities:
            raise InputRefused(
                f"An entry names the list {listed!r} and the entity {entity!r}; give one of "
                f"{', '.join(LISTS)} and one of {', '.join(self._entities)}.",
                code="unknown_list",
            )
        place = (listed, entity)
        entries = self._entries.setdefault(place, {})
        if until is None:
            entries.pop(key, None)
        elif key not in entries and sum(map(len, self._entries.values())) >= MOST:
            raise InputRefused(
                f"The lists hold {MOST:,} entries, as many as they can; take some off first.",
                code="lists_full",
            )
        else:
            entries[key] = min(until, FOREVER)
        self._sorted.pop(place, None)

    def told(self, listed: str, clock: Array, keys: Mapping[str, Array]) -> NDArray[np.bool_]:
        """[n] whether some identifier of an event is on the list at the event's moment."""
        found = np.zeros(len(clock), np.bool_)
        for entity in self._entities:
            if not self._entries.get((listed, entity)):
                continue
            known, until = self._table((listed, entity))
            at = np.minimum(np.searchsorted(known, keys[entity]), len(known) - 1)
            found |= (known[at] == keys[entity]) & (until[at] > clock) & (keys[entity] != 0)
        return found

    def _table(self, place: tuple[str, str]) -> tuple[Array, Array]:
        if place not in self._sorted:
            pairs = np.array(sorted(self._entries[place].items()), np.int64)
            self._sorted[place] = pairs[:, 0].copy(), pairs[:, 1].copy()
        return self._sorted[place]

    def nbytes(self) -> int:
        """Bytes of the entries, about."""
        return 200 * sum(map(len, self._entries.values()))

    def snapshot(self) -> dict[str, Array]:
        """Arrays [entries, 2] of key and time, by list and entity."""
        return {
            f"{listed}.{entity}": np.array(sorted(entries.items()), np.int64).reshape(-1, 2)
            for (listed, entity), entries in self._entries.items()
        }

    def restore(self, told: Mapping[str, Array]) -> None:
        """Take the arrays of `snapshot`."""
        self._sorted.clear()
        self._entries = {}
        for name, pairs in told.items():
            listed, _, entity = name.partition(".")
            self._entries[listed, entity] = dict(pairs.tolist())

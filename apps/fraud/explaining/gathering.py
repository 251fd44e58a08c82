"""Who shared something with a payer before a transaction, read from stored blocks.

The features of the network are told from the newest eight payers that an entity had met by then
(`apps.fraud.features.layout.RING`). Their figures are counted here anew from the blocks that hold
them, so that each can be left out. Loads pyarrow: for processes of their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from apps.fraud.explaining.subgraph import Neighbour
from apps.fraud.features.layout import RING
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.block_file import table_of

ENTITIES: Final = "entities."
_TOLD: Final = ("id", "sequence", "event_time", "amount", "label", "label_known_at")


@dataclass(frozen=True, kw_only=True)
class Here:
    """The transaction that is explained: its place in the log, and whom it names."""

    sequence: int
    event_time: int
    entities: Mapping[str, str]


class Around:
    """Everybody who shared an entity with the payer of `here`, and what they had done by then."""

    def __init__(self, files: Sequence[Path], here: Here, scheme: Scheme) -> None:
        self._here, self._scheme = here, scheme
        self._payer = ENTITIES + scheme.payer.key
        self._others = [one.key for one in scheme.entities if one.role != "payer"]
        self.payers = {key: self._newest(files, key) for key in self._others}
        self._events: list[dict[str, Any]] = []

    def follow(self, files: Sequence[Path]) -> None:
        """Read what the neighbours did, from the blocks that hold them."""
        wanted = {payer for payers in self.payers.values() for payer in payers}
        self._events = self._of(files, wanted) if wanted else []

    @property
    def ids(self) -> list[str]:
        """Of the neighbours' transactions: what became of them is asked of the labels."""
        return [str(event["id"]) for event in self._events]

    def neighbours(self, labels: Mapping[str, tuple[int, int]]) -> list[Neighbour]:
        """The neighbours of every entity, the newest first.

        Args:
            labels: by transaction the label that was told of it first (1 fraud, 0 honest), and
                when it was known, milliseconds. What a row said of itself came before.
        """
        figures = {
            payer: self._figures(payer, labels)
            for payers in self.payers.values()
            for payer in payers
        }
        return [
            Neighbour(payer=payer, relation=key, shared=self._here.entities[key], **figures[payer])
            for key, payers in self.payers.items()
            for payer in payers
        ]

    def _newest(self, files: Sequence[Path], key: str) -> list[str]:
        """The payers of the newest `RING` different ones that it met, without this one."""
        mine = self._here.entities.get(key, "")
        if not mine:
            return []
        met: list[tuple[int, str]] = []
        for table in self._tables(files, [self._payer, ENTITIES + key]):
            kept = table.filter(pc.equal(table[ENTITIES + key], mine))
            met += zip(kept["sequence"].to_pylist(), kept[self._payer].to_pylist(), strict=True)
        newest: list[str] = []
        for _sequence, payer in sorted(met, reverse=True):
            if payer and payer not in newest:
                newest.append(str(payer))
        own = self._here.entities.get(self._scheme.payer.key, "")
        return [payer for payer in newest[:RING] if payer != own]

    def _of(self, files: Sequence[Path], wanted: Iterable[str]) -> list[dict[str, Any]]:
        """The transactions of these payers, in order of arrival."""
        several = pa.array(sorted(wanted), pa.string())
        names = [*_TOLD, self._payer, *(ENTITIES + key for key in self._others)]
        found: list[dict[str, Any]] = []
        for table in self._tables(files, names):
            found += table.filter(pc.is_in(table[self._payer], value_set=several)).to_pylist()
        return sorted(found, key=lambda event: int(event["sequence"]))

    def _tables(self, files: Sequence[Path], names: Sequence[str]) -> Iterable[pa.Table]:
        """Of every block, what was taken before this transaction."""
        needed = list(dict.fromkeys(["sequence", *names, "refused", "repeated"]))
        for file in files:
            table = table_of(file, needed)
            if not set(needed) <= set(table.column_names):
                continue  # a block of another scheme
            before = pc.less(table["sequence"], self._here.sequence)
            taken = pc.and_(pc.equal(table["refused"], ""), pc.invert(table["repeated"]))
            yield table.filter(pc.and_(before, taken))

    def _figures(self, payer: str, labels: Mapping[str, tuple[int, int]]) -> dict[str, int]:
        mine = [event for event in self._events if event[self._payer] == payer]
        known = [one for one in (self._label(event, labels) for event in mine) if one >= 0]
        return {
            "payments": len(mine),
            "amount": max(0, sum(int(event["amount"]) for event in mine)),
            "labelled": len(known),
            "frauds": sum(known),
            "degree": self._degree(mine),
            "last": max((int(event["event_time"]) for event in mine), default=0),
        }

    def _label(self, event: Mapping[str, Any], labels: Mapping[str, tuple[int, int]]) -> int:
        """1 or 0 where it was known by then, else −1."""
        own = int(event["label"])
        delay = self._scheme.label_delay * 1000
        at = int(event["label_known_at"])
        said = (own, at if at >= 0 else int(event["event_time"]) + delay)
        label, known = said if own >= 0 else labels.get(str(event["id"]), (-1, 0))
        return label if known <= self._here.event_time else -1

    def _degree(self, mine: Sequence[Mapping[str, Any]]) -> int:
        """Meetings of somebody new: not met within twice the longest window."""
        span = 2 * 1000 * max(self._scheme.windows)
        met: dict[tuple[str, str], int] = {}
        count = 0
        for event in mine:
            for key in self._others:
                other, at = str(event[ENTITIES + key] or ""), int(event["event_time"])
                if not other:
                    continue
                last = met.get((key, other))
                count += last is None or at - last > span
                met[key, other] = at
        return count

"""What is known of ties so far: fed as transactions arrive, asked for rings at any time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from apps.fraud.events import ENTITY
from apps.fraud.rings import ties
from apps.fraud.rings.candidates import Candidates, candidates
from apps.fraud.rings.choosing import choose
from apps.fraud.rings.coding import Codes, packed, unpacked
from apps.fraud.rings.graph import Graph, Tally, build, past
from apps.fraud.rings.ring import Scene, tell
from apps.fraud.rings.scoring import THRESHOLD, score
from apps.fraud.rings.ties import Ties
from apps.fraud.rings.told import Ring
from apps.fraud.rings.windows import WEEK_MS, Week, windows
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.columns import Columns, row_count

WEEKS = 26
"""Kept by default; older ones are forgotten as time goes on."""


@dataclass(frozen=True)
class _Judged:
    """A window as it was judged when so much (`mark`) had been fed to its weeks."""

    mark: tuple[tuple[int, int], ...]
    graph: Graph
    found: Candidates
    score: np.ndarray


class RingState:
    """Ties of the last weeks of one project.

    The same transactions give the same rings, in batches of any size and after `restore`; full
    detection (`apps.fraud.rings.find_rings`) is one large batch. One caller at a time.
    """

    def __init__(self, scheme: Scheme, weeks: int | None = WEEKS) -> None:
        """`weeks` None: nothing is forgotten."""
        self._scheme = scheme
        self._keep = weeks
        self._shared = tuple(dict.fromkeys(relation.shared for relation in scheme.relations))
        self._payees = tuple(entity.key for entity in scheme.of_role("payee"))
        self._people = Codes()
        self._things = [Codes() for _ in self._shared]
        self._known = np.zeros(0, np.bool_)
        self._weeks: dict[int, Week] = {}
        self._judged: dict[tuple[int, int], _Judged] = {}
        self._sums: dict[
            tuple[int, int] | None, tuple[tuple[tuple[int, int], ...], Ties, Ties]
        ] = {}

    def feed(self, columns: Columns) -> None:
        """Take in transactions: columns as of `apps.fraud.events`, in any order.

        A transaction whose time lies after it was heard of counts when it was heard of.
        """
        if not row_count(columns):
            return
        time = np.minimum(columns["event_time"], columns["known_at"])
        payer, *payees = self._people.encode(
            columns[ENTITY + self._scheme.payer.key],
            *(columns[ENTITY + key] for key in self._payees),
            counters=(True, *(False for _ in self._payees)),
        )
        things = [
            self._interleaved(codes.encode(columns[ENTITY + key])[0], number)
            for number, (key, codes) in enumerate(zip(self._shared, self._things, strict=True))
        ]
        self._know(payer)
        week = time // WEEK_MS
        for number in np.unique(week).tolist():
            mine = np.flatnonzero((week == number) & (payer >= 0))
            entry = self._weeks.setdefault(number, Week())
            entry.pay(payer[mine], columns["amount"][mine], len(self._people))
            for others, into in (
                *((payee, entry.new_flows) for payee in payees),
                *((thing, entry.new_uses) for thing in things),
            ):
                there = mine[others[mine] >= 0]
                into.append(
                    ties.events(payer[there], others[there], time[there], columns["amount"][there])
                )
        self._forget()

    def rings(self, threshold: float = THRESHOLD) -> list[Ring]:
        """All rings of the weeks that are kept, surest first; equal for equal transactions."""
        self._judged.clear()
        return self.latest(threshold)

    def latest(self, threshold: float = THRESHOLD) -> list[Ring]:
        """The same at less cost: windows into which nothing came are not judged anew.

        They stand as they were judged, while what is known of their members may have grown.
        """
        marks = {
            (start, length): tuple(
                (week, self._weeks[week].fed)
                for week in range(start, start + length)
                if week in self._weeks
            )
            for start, length in windows(list(self._weeks))
        }
        stale = [
            window
            for window, mark in marks.items()
            if window not in self._judged or self._judged[window].mark != mark
        ]
        for window, graph in zip(stale, self.graphs(stale), strict=True):
            found = candidates(graph)
            self._judged[window] = _Judged(marks[window], graph, found, score(found))
        judged = [self._judged[window] for window in marks]
        self._judged = dict(zip(marks, judged, strict=True))
        scene = Scene(self._scheme, self._people.names, self._shared, self._things)
        return [
            tell(scene, judged[one.window].graph, judged[one.window].found, one)
            for one in choose([(each.found, each.score) for each in judged], threshold)
        ]

    @property
    def people(self) -> list[str]:
        """Identifiers by code, of payers and of whom they pay."""
        return self._people.names

    def graphs(self, wanted: list[tuple[int, int]] | None = None) -> Iterator[Graph]:
        """The graph of each window, or of those wanted, weighed by all that is known."""
        people = len(self._people)
        tallies = {week: entry.tally(people) for week, entry in sorted(self._weeks.items())}
        if not tallies or wanted == []:
            return
        before = past(self._merged(tallies, None), self._known, self._entities)
        by_key = {entity.key: entity for entity in self._scheme.entities}
        kinds = [by_key[key] for key in self._shared]
        kind = np.arange(self._entities) % max(1, len(kinds))
        caps = np.array([entity.degree_cap for entity in kinds] or [0])[kind]
        strong = np.array([entity.role == "instrument" for entity in kinds] or [False])[kind]
        for start, length in windows(list(tallies)) if wanted is None else wanted:
            window = self._merged(tallies, (start, length))
            yield build(
                window, before, float(length * WEEK_MS), strong, caps,
                self._scheme.payer.degree_cap,
            )  # fmt: skip

    def _merged(self, tallies: dict[int, Tally], window: tuple[int, int] | None) -> Tally:
        """The sum of the weeks of a window, or of all; what did not change is not summed again."""
        inside = [
            week for week in tallies if window is None or window[0] <= week < window[0] + window[1]
        ]
        still = tuple((week, self._weeks[week].fed) for week in inside[:-1])
        kept = self._sums.get(window)
        if kept is None or kept[0] != still:
            # A week that is over is added to what was summed; only where an earlier one has changed
            # since is everything summed again.
            grown = kept is not None and still[: len(kept[0])] == kept[0]
            before = kept if kept is not None and grown else ((), ties.none(), ties.none())
            over = inside[len(before[0]) : -1]
            flows = ties.together([tallies[week].flows for week in over])
            uses = ties.together([tallies[week].uses for week in over])
            kept = still, ties.added(before[1], flows), ties.added(before[2], uses)
            self._sums[window] = kept
        last = tallies[inside[-1]]
        return Tally(
            ties.added(kept[1], last.flows),
            ties.added(kept[2], last.uses),
            np.sum([tallies[week].paid for week in inside], axis=0),
        )

    @property
    def _entities(self) -> int:
        return len(self._shared) * max((len(codes) for codes in self._things), default=0)

    def _interleaved(self, codes: np.ndarray, number: int) -> np.ndarray:
        """Codes of all kinds of entity in one row of numbers, so that new ones move none."""
        return np.where(codes >= 0, codes * len(self._shared) + number, -1)

    def _know(self, payer: np.ndarray) -> None:
        missing = len(self._people) - len(self._known)
        self._known = np.concatenate([self._known, np.zeros(missing, np.bool_)])
        self._known[payer[payer >= 0]] = True

    def _forget(self) -> None:
        if self._keep is not None and self._weeks:
            oldest = max(self._weeks) - self._keep
            for week in [week for week in self._weeks if week <= oldest]:
                del self._weeks[week]
                self._sums.clear()

    def snapshot(self) -> dict[str, np.ndarray]:
        """Everything as plain arrays, for `numpy.savez`."""
        told = {
            "known": self._known,
            "weeks": np.array(sorted(self._weeks), np.int64),
        }
        told |= {f"people_{key}": kept for key, kept in packed(self._people.names).items()}
        for number, codes in enumerate(self._things):
            told |= {f"things_{number}_{key}": kept for key, kept in packed(codes.names).items()}
        for week, entry in self._weeks.items():
            tally = entry.tally(len(self._people))
            told[f"paid_{week}"] = tally.paid
            told[f"flows_{week}"] = tally.flows.array()
            told[f"uses_{week}"] = tally.uses.array()
        return told

    @classmethod
    def restore(
        cls, scheme: Scheme, kept: dict[str, np.ndarray], weeks: int | None = WEEKS
    ) -> Self:
        """The state of which this is the snapshot, for the same scheme."""
        state = cls(scheme, weeks)
        state._people = Codes(_names(kept, "people"))
        state._things = [
            Codes(_names(kept, f"things_{number}")) for number in range(len(state._shared))
        ]
        state._known = kept["known"].copy()
        for week in kept["weeks"].tolist():
            state._weeks[week] = Week(
                flows=Ties.of(kept[f"flows_{week}"]),
                uses=Ties.of(kept[f"uses_{week}"]),
                paid=kept[f"paid_{week}"].copy(),
            )
        return state


def _names(kept: dict[str, np.ndarray], whose: str) -> list[str]:
    return unpacked({key: kept[f"{whose}_{key}"] for key in ("bytes", "lengths")})

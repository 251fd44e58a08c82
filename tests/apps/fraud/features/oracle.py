"""Every feature by its definition, in Python's integers: slow, exact, without any state.

Each event looks at the whole list of those before it; what was known when decides what counts.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from apps.fraud.scheme import DAY, EntityType, Scheme

RING, HOP, DAMP = 8, 4, 5


@dataclass
class Event:
    """One transaction as the oracle keeps it; `known` is when its label counts."""

    id: str
    time: int
    known_at: int
    amount: int
    ids: dict[str, str]
    attributes: dict[str, str | float]
    label: int = -1
    known: int = -1
    clock: int = 0
    later: bool = field(default=False)


@dataclass
class Entry:
    """An identifier on a list from one event (by number) until a time or another event."""

    listed: str
    entity: str
    identifier: str
    until: int
    since: int
    ended: int | None = None


class Oracle:
    """All features of each event in the order in which the events are worked on."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self.events: list[Event] = []
        self.entries: list[Entry] = []
        self.payer = scheme.payer.key
        self.others = [one for one in scheme.entities if one.key != self.payer]
        self.categories = [one.key for one in scheme.attributes if one.kind == "category"]

    # What happened.

    def add(self, event: Event) -> dict[str, float]:
        """Enter an event; returns its features."""
        last = self.events[-1].clock if self.events else event.time
        event.clock = max(event.time, last)
        if event.label >= 0:
            due = event.clock + self.scheme.label_delay * 1000
            event.known = max(due if event.known < 0 else event.known, event.clock + 1)
        self.events.append(event)
        return dict(self._features(len(self.events) - 1))

    def learn(self, identifier: str, label: int, known: int) -> bool:
        """A label that came later; tells whether it was taken."""
        mine = [event for event in self.events if event.id == identifier]
        if not mine or mine[-1].label >= 0:
            return False
        mine[-1].label, mine[-1].later = label, True
        mine[-1].known = max(known, self.events[-1].clock + 1)
        return True

    def change(self, listed: str, entity: str, identifier: str, until: int | None) -> None:
        """A list changed before the next event."""
        for entry in self.entries:
            if (entry.listed, entry.entity, entry.identifier) == (listed, entity, identifier):
                entry.ended = len(self.events) if entry.ended is None else entry.ended
        if until is not None:
            entry = Entry(listed, entity, identifier, until, len(self.events))
            self.entries.append(entry)

    # What is told.

    def _features(self, n: int) -> Iterable[tuple[str, float]]:
        event = self.events[n]
        yield "amount", event.amount
        zone = ZoneInfo(self.scheme.timezone)
        local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=event.time)
        local = local.astimezone(zone)
        yield "hour", local.hour
        yield "night", local.hour <= 6
        yield "weekend", local.weekday() >= 5
        for attribute in self.scheme.attributes:
            if attribute.kind == "number":
                value = float(event.attributes[attribute.key])
                yield f"{attribute.key}_value", 0.0 if math.isnan(value) else value
                yield f"{attribute.key}_missing", math.isnan(value)
        for entity in self.scheme.entities:
            yield from self._windows(n, entity)
        yield from self._meetings(n)
        yield from self._priors(n)
        for entity in self.others:
            yield from self._graph(n, entity)
        yield from self._motifs(n)
        for listed in ("watch", "allow", "block", "snooze"):
            yield f"listed_{listed}", self._listed(n, listed)

    def _windows(self, n: int, entity: EntityType) -> Iterable[tuple[str, float]]:
        event, key = self.events[n], entity.key
        mine = [one for one in self.events[: n + 1] if self._same(one, event, key)]
        since = (event.clock - mine[-2].clock) / 1000 if len(mine) > 1 else -1
        yield f"{key}_since", since
        other = self.payer if entity.role != "payer" else self._counterpart()
        for window in self.scheme.windows:
            held = [one for one in mine if one.clock > event.clock - window * 1000]
            amounts = [one.amount for one in held]
            count, total, span = len(held), sum(amounts), short(window)
            yield f"{key}_count_{span}", count
            yield f"{key}_sum_{span}", total
            yield f"{key}_mean_{span}", total / count if count else 0
            yield f"{key}_max_{span}", max(amounts, default=0)
            spread = count * sum(amount**2 for amount in amounts) - total**2
            exact = float(spread >> 64) * 2.0**64 + float(spread & (2**64 - 1))
            yield f"{key}_std_{span}", math.sqrt(exact) / count if count else 0
            rest = total - event.amount
            ratio = -1.0
            if count > 1 and rest > 0:
                ratio = float(event.amount) * float(count - 1) / float(rest)
                ratio = min(max(ratio, 0.0), 1e6)
            yield f"{key}_ratio_{span}", ratio
            yield f"{key}_distinct_{span}", len({one.ids[other] for one in held})
        long = [window for window in self.scheme.windows if window >= DAY] or self.scheme.windows
        end = event.clock - self.scheme.label_delay * 1000
        for window in long:
            seen = [one for one in mine[:-1] if end - window * 1000 < one.clock <= end]
            ready = [one for one in seen if one.label >= 0 and one.known <= event.clock]
            yield f"{key}_seen_{short(window)}", len(seen)
            risk = sum(one.label for one in ready) / len(ready) if ready else 0
            yield f"{key}_risk_{short(window)}", risk

    def _counterpart(self) -> str:
        for role in ("payee", "instrument", "trait"):
            for entity in self.scheme.of_role(role):
                return entity.key
        raise AssertionError

    def _meetings(self, n: int) -> Iterable[tuple[str, float]]:
        event = self.events[n]
        there = bool(event.ids[self.payer])
        for entity in self.others:
            key = entity.key
            met = self._met(n, self._pair(key))
            both = there and bool(event.ids[key])
            yield f"{key}_new", both and not met
            yield f"{key}_met", len(met)
            yield f"{key}_met_since", (event.clock - met[-1].clock) / 1000 if met else -1
        for key in self.categories:
            met = self._met(n, self._pair_of_value(key))
            yield f"{key}_new", there and not met

    def _met(self, n: int, pair: Callable[[Event], object]) -> list[Event]:
        """The meetings of a pair before n, back to the first gap of two longest windows."""
        mine = pair(self.events[n])
        if mine is None:
            return []
        before = [one for one in self.events[:n] if pair(one) == mine]
        span = 2 * max(self.scheme.windows) * 1000
        kept: list[Event] = []
        now = self.events[n].clock
        for one in reversed(before):
            if now - one.clock >= span:
                break
            kept.insert(0, one)
            now = one.clock
        return kept

    def _pair(self, key: str) -> Callable[[Event], object]:
        def pair(one: Event) -> object:
            both = (one.ids[self.payer], one.ids[key])
            return both if all(both) else None

        return pair

    def _pair_of_value(self, key: str) -> Callable[[Event], object]:
        def pair(one: Event) -> object:
            return (one.ids[self.payer], one.attributes[key]) if one.ids[self.payer] else None

        return pair

    def _degree(self, n: int, entity: str, identifier: str) -> int:
        """Meetings of someone new that an entity had before n."""
        if entity == self.payer:
            return sum(
                bool(one.ids[self.payer] == identifier and one.ids[other.key])
                and not self._met(k, self._pair(other.key))
                for k, one in enumerate(self.events[:n])
                for other in self.others
            )
        return sum(
            bool(one.ids[entity] == identifier and one.ids[self.payer])
            and not self._met(k, self._pair(entity))
            for k, one in enumerate(self.events[:n])
        )

    def _known(self, n: int, holds: Callable[[Event], bool]) -> tuple[int, int]:
        """Labelled events and frauds among those before n, as known at n."""
        now = self.events[n].clock
        ready = [
            one for one in self.events[:n] if one.label >= 0 and one.known <= now and holds(one)
        ]
        return len(ready), sum(one.label for one in ready)

    def _of_node(self, n: int, entity: str, identifier: str) -> tuple[int, int]:
        if not identifier:
            return 0, 0
        return self._known(n, lambda one: one.ids[entity] == identifier)

    def _of_value(self, n: int, key: str) -> tuple[int, int]:
        value = self.events[n].attributes[key]
        return self._known(n, lambda one: one.attributes[key] == value)

    def _recent(self, n: int, of: str, identifier: str, what: str) -> list[str]:
        """The last eight different `what` that `identifier` met before n, newest first."""
        found: list[str] = []
        for one in reversed(self.events[:n]):
            if one.ids[of] == identifier and one.ids[what] and one.ids[what] not in found:
                found.append(one.ids[what])
        return found[:RING] if identifier else []

    def _priors(self, n: int) -> Iterable[tuple[str, float]]:
        event = self.events[n]
        everything = shrunk(self._known(n, lambda _: True), 0.01, 100)
        yield "prior_all", everything
        values = []
        for key in self.categories:
            values.append(shrunk(self._of_value(n, key), everything, 100))
            yield f"prior_{key}", values[-1]
        together = [event.attributes[key] for key in self.categories]
        joint = self._known(
            n, lambda one: [one.attributes[key] for key in self.categories] == together
        )
        above = sum(values) / len(values) if values else everything
        segment = shrunk(joint, above, 100)
        yield "prior_segment", segment
        mine = self._behaviour(event)
        behaviour = shrunk(self._known(n, lambda one: self._behaviour(one) == mine), segment, 100)
        yield "prior_behaviour", behaviour
        for entity in self.scheme.entities:
            known = self._of_node(n, entity.key, event.ids[entity.key])
            yield f"{entity.key}_prior", shrunk(known, segment, 20)
        alike = (0, 0)
        for payee in list(self.scheme.of_role("payee"))[:1]:
            alike = self._pooled(n, self._around(n, payee.key))
        estimate = shrunk(alike, behaviour, 20)
        yield "prior_alike", estimate
        pooled = [0, 0]
        for entity in self.others:
            if entity.key not in {relation.shared for relation in self.scheme.relations}:
                continue
            if self._degree(n, entity.key, event.ids[entity.key]) > entity.degree_cap:
                continue
            part = self._pooled(n, self._around(n, entity.key))
            pooled = [pooled[0] + part[0], pooled[1] + part[1]]
        neighbours = shrunk((pooled[0], pooled[1]), segment, 20)
        yield "prior_neighbours", neighbours
        history = self.history(n)
        own = history / (history + 5)
        payer = shrunk(self._of_node(n, self.payer, event.ids[self.payer]), segment, 20)
        yield "prior_mixed", own * payer + (1 - own) * ((estimate + neighbours) / 2)

    def history(self, n: int) -> int:
        """Earlier events of the payer."""
        mine = self.events[n].ids[self.payer]
        return sum(one.ids[self.payer] == mine for one in self.events[:n]) if mine else 0

    def _behaviour(self, event: Event) -> tuple[int, int]:
        zone = ZoneInfo(self.scheme.timezone)
        local = datetime.fromtimestamp(event.time // 1000, zone)
        return abs(event.amount).bit_length(), local.hour // 6

    def _around(self, n: int, entity: str) -> list[str]:
        event = self.events[n]
        payers = self._recent(n, entity, event.ids[entity], self.payer)
        return [payer for payer in payers if payer != event.ids[self.payer]]

    def _pooled(self, n: int, payers: Sequence[str]) -> tuple[int, int]:
        known = [self._of_node(n, self.payer, payer) for payer in payers]
        return sum(one for one, _ in known), sum(one for _, one in known)

    def _graph(self, n: int, entity: EntityType) -> Iterable[tuple[str, float]]:
        event, key = self.events[n], entity.key
        payer, mine = event.ids[self.payer], event.ids[key]
        yield from self._figures(n, f"around_{key}", self.payer, self._around(n, key))
        lately = self._recent(n, self.payer, payer, key)
        others = [one for one in lately if one != mine]
        yield from self._figures(n, f"own_{key}", key, others)
        if key not in {relation.shared for relation in self.scheme.relations}:
            return
        through = [one for one in others if self._degree(n, key, one) <= entity.degree_cap][:HOP]
        kin = [
            other
            for one in through
            for other in self._recent(n, key, one, self.payer)[:HOP]
            if other != payer
        ]
        yield from self._figures(n, f"kin_{key}", self.payer, kin)

    def _figures(
        self, n: int, name: str, entity: str, who: Sequence[str]
    ) -> Iterable[tuple[str, float]]:
        known = [self._of_node(n, entity, one) for one in who]
        labelled, frauds = sum(one for one, _ in known), sum(one for _, one in known)
        amounts = [one.amount for each in who for one in self.events[:n] if one.ids[entity] == each]
        yield f"{name}_count", len(who)
        yield f"{name}_risk", frauds / (labelled + DAMP)
        yield f"{name}_top_risk", max((bad / (of + DAMP) for of, bad in known), default=0.0)
        yield f"{name}_amount", sum(amounts) / len(amounts) if amounts else 0.0
        degrees = [self._degree(n, entity, one) for one in who]
        yield f"{name}_degree", sum(degrees) / len(who) if who else 0.0

    def _motifs(self, n: int) -> Iterable[tuple[str, float]]:
        event = self.events[n]
        for entity in self.others:
            mine = event.ids[entity.key]
            yield f"{entity.key}_fan_in", self._degree(n, entity.key, mine) if mine else 0
        shortest, longest = (short(self.scheme.windows[at]) for at in (0, -1))
        for entity in self.scheme.entities:
            told = dict(self._windows(n, entity))
            of = told[f"{entity.key}_distinct_{longest}"]
            yield f"{entity.key}_burst", told[f"{entity.key}_distinct_{shortest}"] / of if of else 0
        payees = [entity.key for entity in self.scheme.of_role("payee")]
        if not payees:
            return
        payee, span = payees[0], 2 * max(self.scheme.windows) * 1000
        here, there = event.ids[self.payer], event.ids[payee]

        def paid(one: str, other: str) -> list[int]:
            return [
                event.clock - past.clock
                for past in self.events[:n]
                if one and other and past.ids[self.payer] == one and past.ids[payee] == other
                and event.clock - past.clock < span
            ]  # fmt: skip

        back = paid(there, here)
        yield "returned_since", back[-1] / 1000 if back else -1
        between = self._recent(n, self.payer, there, payee) if here else []
        yield "cycles_of_three", sum(bool(one != here and paid(one, here)) for one in between)
        received = [past.clock for past in self.events[:n] if here and past.ids[payee] == here]
        yield "received_since", (event.clock - received[-1]) / 1000 if received else -1

    def _listed(self, n: int, listed: str) -> bool:
        event = self.events[n]
        return any(
            entry.listed == listed
            and entry.since <= n
            and (entry.ended is None or n < entry.ended)
            and entry.until > event.clock
            and event.ids[entry.entity] == entry.identifier != ""
            for entry in self.entries
        )

    def _same(self, one: Event, other: Event, entity: str) -> bool:
        return one.ids[entity] == other.ids[entity] != ""


def shrunk(known: tuple[int, int], prior: float, strength: int) -> float:
    """The estimate of a level: its frauds and those that the prior is worth."""
    labelled, frauds = known
    return (frauds + strength * prior) / (labelled + strength)


def short(seconds: int) -> str:
    """A length of time as names have it."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def rounded(value: float) -> np.float32:
    """Once, to float32: of an integer directly."""
    return np.int64(value).astype(np.float32) if isinstance(value, int) else np.float32(value)

"""`FeatureState`: all features of one project, live, or of one file, by the time of its events."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features import columns, snapshots
from apps.fraud.features.batch import Batch, read
from apps.fraud.features.calendar import local
from apps.fraud.features.catalogue import catalogue
from apps.fraud.features.columns import LATEST, Array
from apps.fraud.features.filling import Filling, Moment
from apps.fraud.features.hashing import SECRET_BYTES, keys_of
from apps.fraud.features.lists import FOREVER, Lists
from apps.fraud.features.memory import LARGEST, Memory
from apps.fraud.features.network import Network
from apps.fraud.features.network_catalogue import categories
from apps.fraud.features.network_formulas import NetworkTold, Places
from apps.fraud.features.segments import buckets
from apps.fraud.features.windows import MILLI, Windows
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.columns import Columns, row_count
from loupe.contract.runtime.errors import InputRefused

Mode = Literal["arrival", "event_time"]

REMEMBERED: Final = 2**22
"""Events that a later label still finds."""


@dataclass(frozen=True, kw_only=True)
class Fed:
    """What is told about the events of one batch, in the order in which they were given.

    Attributes:
        values: [n, len(names)] float32, C-contiguous, never NaN.
        late: [n] an event that happened later was known already.
        history: [n] the payer's earlier events, however long ago; 0 without a payer.
        sequence: events that were fed before this batch.
    """

    values: NDArray[np.float32]
    late: NDArray[np.bool_]
    history: Array
    sequence: int


class _Keeper(Protocol):
    def snapshot(self) -> dict[str, Array]: ...

    def restore(self, told: dict[str, Array], /) -> None: ...

    def nbytes(self) -> int: ...


class FeatureState:
    """All live features of one project (or one backfill session); one caller at a time.

    Deterministic: the same calls give the same bits, whatever the sizes of the batches, and a
    restored snapshot goes on as the original would. Only what had arrived is used: earlier events
    in the order of arrival, labels from the moment they are known.

    The clock is the latest event time so far. An event older than it is late: it is told about,
    and entered, as if it had happened at the clock; its hour is that of its own time.

    Args:
        scheme: what the transactions are about.
        mode: "arrival" takes events as they come. "event_time" is for a backfill: each batch is
            sorted by event time first, of one time by arrival.
        groups: of `catalogue.GROUPS`, or `catalogue.HANDBOOK`; None for all.
        secret: 16 bytes, the key of the hash of identifiers; it changes no feature.
        remembered: events that a later label still finds; with 0, for groups that need no network,
            all labels come with their events.

    Attributes:
        names: of the features, without the prefix ``feature.``, in the order of `Fed.values`.
        features: the same with all that is said of them.
        clock: milliseconds.
        sequence: events so far.
    """

    def __init__(
        self,
        scheme: Scheme,
        *,
        mode: Mode,
        groups: Collection[str] | None = None,
        secret: bytes = bytes(SECRET_BYTES),
        remembered: int = REMEMBERED,
    ) -> None:
        if mode not in ("arrival", "event_time"):
            raise InputRefused(
                f"mode is {mode!r}; give 'arrival' or 'event_time'.", code="unknown_mode"
            )
        self.scheme, self.mode, self.secret = scheme, mode, secret
        self.features = catalogue(scheme, groups)
        self.names = tuple(feature.name for feature in self.features)
        self.clock, self.sequence = -LATEST, 0
        self._entities = tuple(entity.key for entity in scheme.entities)
        self._categories = tuple(key for key, _, _ in categories(scheme))
        self._windows = Windows(scheme, self.features)
        self._places = Places(scheme)
        answers = {one.name: one.answers() for one in self._windows.entities}
        self._filling = Filling(self.features, answers, self._places, scheme.windows[-1])
        wanted = {feature.group for feature in self.features}
        depth = 2 if "graph" in wanted else int(bool(wanted & {"novelty", "priors", "motifs"}))
        if remembered < (depth > 0):
            raise InputRefused(
                f"remembered is {remembered}; the groups {sorted(wanted)} need 1 or more.",
                code="nothing_remembered",
            )
        self._network = Network(
            scheme, segments=len(self._categories) + 2, categories=len(self._categories),
            depth=depth,
        )  # fmt: skip
        self._risky = tuple(one.name for one in self._windows.entities if one.risk_windows)
        self._memory = Memory(1 + self._network.nodes + len(self._risky), remembered)
        self._lists = Lists(self._entities)

    def feed(self, events: Columns) -> Fed:
        """Enter a batch and tell about each of its events as of its own moment.

        Args:
            events: columns as `apps.fraud.events.fields` names them; `label` and
                `label_known_at` may be missing, and in a backfill `known_at`.

        Raises:
            InputRefused: a column is missing, of another type or out of range; nothing is entered.
        """
        batch = read(
            events, self.scheme, self.secret, arrival=self.mode == "arrival",
            named=self._memory.most > 0,
        )  # fmt: skip
        count, first = len(batch.times), self.sequence
        order = None
        if self.mode == "event_time" and (np.diff(batch.times) < 0).any():
            order = np.argsort(batch.times, kind="stable")
            batch = batch.part(order)
        values = np.empty((count, len(self.names)), np.float32)
        late, history = np.empty(count, np.bool_), np.empty(count, np.int64)
        self._memory.reserve(count)
        with self._windows.threads(count):
            for start in range(0, count, LARGEST):
                part = slice(start, start + LARGEST)
                values[part], late[part], history[part] = self._feed(batch.part(part))
        if order is not None:
            back = np.empty(count, np.int64)
            back[order] = np.arange(count)
            values, late, history = values[back], late[back], history[back]
        return Fed(values=values, late=late, history=history, sequence=first)

    def _feed(self, batch: Batch) -> tuple[NDArray[np.float32], NDArray[np.bool_], Array]:
        clock = np.maximum.accumulate(np.maximum(batch.times, self.clock))
        hour, weekday = local(batch.times, self.scheme.timezone)
        due = clock + self.scheme.label_delay * MILLI
        # No event sees its own label, whatever is said of when that was known.
        known = np.maximum(np.where(batch.known < 0, due, batch.known), clock + 1)
        rows, cross = self._network.rows(
            [batch.keys[entity] for entity in self._entities],
            buckets([batch.values[key] for key in self._categories], batch.amounts, hour),
        )
        nodes = dict(zip(self._entities, rows, strict=False))
        windows, numbers = self._windows.feed(
            clock, batch.keys, batch.amounts, batch.labels, known, self.sequence, nodes,
            {entity: self._network.events(nodes[entity]) for entity in self._entities},
        )  # fmt: skip
        if self._memory.most:
            self._memory.enter(batch.ids, self._kept(batch.labels, rows, numbers))
        out = self._network.feed(
            self.sequence, self._memory.most, clock, batch.amounts, batch.labels, known, rows,
            cross, self._memory.kept, self._memory.room,
        )  # fmt: skip
        there = {entity: batch.keys[entity] != 0 for entity in self._entities}
        network = NetworkTold(self.scheme, self._places, out, there)
        values = self._filling.fill(
            Moment(
                clock=clock, hour=hour, weekday=weekday, amounts=batch.amounts, keys=batch.keys,
                numbers=batch.numbers, windows=windows, network=network, lists=self._lists,
            )
        )  # fmt: skip
        self.sequence += len(clock)
        self.clock = int(clock[-1])
        return values, batch.times < clock, network.history

    def _kept(
        self, labels: NDArray[np.int8], rows: NDArray[np.int32], numbers: Mapping[str, Array]
    ) -> NDArray[np.int32]:
        """What is remembered of events: whether labelled, nodes, shifts of the windows' numbers."""
        kept = np.empty((len(labels), self._memory.width), np.int32)
        kept[:, 0] = labels >= 0
        kept[:, 1 : 1 + len(rows)] = rows.T
        ordinary = np.arange(self.sequence, self.sequence + len(labels))
        for column, entity in enumerate(self._risky, 1 + len(rows)):
            kept[:, column] = ordinary - numbers[entity]
        return kept

    def learn(
        self, ids: NDArray[np.str_], labels: NDArray[np.int64], known_at: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Labels of events that were fed without one; they count from the time they are known.

        An event keeps its first label. A label counts for what comes after the clock only, so one
        that was known earlier is known now.

        Args:
            ids: [n] of the transactions; of several with one id the newest is meant.
            labels: [n] 1 fraud, 0 honest.
            known_at: [n] milliseconds.

        Returns:
            [n] which of them are of an event that is remembered and had no label.

        Raises:
            InputRefused: the arrays do not fit together, or a label is neither 0 nor 1.
        """
        given = {"id": ids, "label": labels, "label_known_at": known_at}
        row_count(given)
        told = columns.integers(given, "label", 1)
        if (told < 0).any():
            raise InputRefused(
                "A label is neither 1 (fraud) nor 0 (honest); give one of these.",
                code="unknown_label",
            )
        known = np.maximum(columns.integers(given, "label_known_at", LATEST), self.clock + 1)
        found = self._memory.find(keys_of(ids, self.secret))
        taken = np.zeros(len(found), np.bool_)
        taken[np.unique(found, return_index=True)[1]] = True  # of several for one, the first
        taken &= found >= 0
        kept = self._memory.kept
        taken[taken] = kept[self._memory.rows_of(found[taken]), 0] == 0
        events, places = found[taken], self._memory.rows_of(found[taken])
        kept[places, 0] = 1
        keys = {
            entity: self._network.keys(kept[places, 1 + kind], kind)
            for kind, entity in enumerate(self._entities)
            if entity in self._risky
        }
        numbers = {
            entity: events - kept[places, column]
            for column, entity in enumerate(self._risky, 1 + self._network.nodes)
        }
        self._windows.learn(keys, numbers, told[taken], known[taken])
        self._network.learn(events, told[taken], known[taken])
        return taken

    def list_change(
        self, listed: str, entity: str, identifier: str, *, until: int | None = FOREVER
    ) -> None:
        """Put an identifier on a list until a time (milliseconds); None takes it off.

        An entry holds for events whose moment lies before `until`.

        Raises:
            InputRefused: there is no such list or entity, or the lists are full.
        """
        key = int(keys_of(np.array([identifier]), self.secret)[0])
        self._lists.change(listed, entity, key, until)

    def snapshot(self, folder: Path) -> None:
        """Write the whole state to a folder, as plain arrays."""
        arrays = {
            f"{part}|{name}": array
            for part, keeper in self._keepers().items()
            for name, array in keeper.snapshot().items()
        }
        arrays["clock"] = np.array([self.clock, self.sequence], np.int64)
        snapshots.save(folder, self._about(), arrays)

    def restore(self, folder: Path) -> None:
        """Go on from a snapshot of a state with the same scheme, mode, groups and secret.

        Raises:
            InputRefused: the folder holds no whole snapshot, or one of another state.
        """
        arrays = snapshots.load(folder, self._about())
        try:
            for part, keeper in self._keepers().items():
                start = f"{part}|"
                keeper.restore(
                    {name[len(start) :]: arrays[name] for name in arrays if name.startswith(start)}
                )
            self.clock, self.sequence = (int(value) for value in arrays["clock"])
        except (KeyError, ValueError, IndexError):  # ArgumentRefused of the kernels is a ValueError
            raise snapshots.damaged(folder) from None

    @property
    def entities(self) -> int:
        """Different entities that were met, of all types."""
        return self._network.met

    def nbytes(self) -> int:
        """Bytes of memory that the state holds."""
        return sum(keeper.nbytes() for keeper in self._keepers().values())

    def _keepers(self) -> dict[str, _Keeper]:
        return {
            "windows": self._windows,
            "network": self._network,
            "memory": self._memory,
            "lists": self._lists,
        }

    def _about(self) -> dict[str, object]:
        secret = int(keys_of(np.array(["secret"]), self.secret)[0])
        return {
            "scheme": self.scheme.sha256,
            "mode": self.mode,
            "names": list(self.names),
            "secret": secret,
            "remembered": self._memory.most,
        }

"""`FeatureState`: all features of one project, live, or of one file, by the time of its events."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import ENTITY, LARGEST_AMOUNT, UNKNOWN
from apps.fraud.features import formulas, snapshots
from apps.fraud.features.calendar import local
from apps.fraud.features.catalogue import catalogue
from apps.fraud.features.hashing import SECRET_BYTES, keys_of
from apps.fraud.features.lists import FOREVER, Lists
from apps.fraud.features.memory import Memory
from apps.fraud.features.windows import MILLI, Windows
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.columns import Columns, row_count
from loupe.contract.runtime.errors import InputRefused

Array = NDArray[np.int64]
Mode = Literal["arrival", "event_time"]

SKEW: Final = 5 * 60 * MILLI
"""Milliseconds that an event may lie ahead of its arrival; one further ahead counts as so far."""
LATEST: Final = 2**52
"""Milliseconds: times lie within ± this."""
REMEMBERED: Final = 2**22
"""Events that a later label still finds."""
_BATCH: Final = 4096
NIGHT_ENDS, SATURDAY = 6, 5


@dataclass(frozen=True, kw_only=True)
class Fed:
    """What is told about the events of one batch, in the order in which they were given.

    Attributes:
        values: [n, len(names)] float32, C-contiguous, never NaN.
        late: [n] an event that happened later was known already.
        history: [n] the payer's earlier events, however long ago.
        sequence: events that were fed before this batch.
    """

    values: NDArray[np.float32]
    late: NDArray[np.bool_]
    history: Array
    sequence: int


class FeatureState:
    """All live features of one project (or one backfill session); one caller at a time.

    Deterministic: the same calls give the same bits, whatever the sizes of the batches, and a
    restored snapshot goes on as the original would. Only what had arrived is used: earlier events
    in the order of arrival, labels from the moment they are known.

    The clock is the latest event time so far. An event older than it is late: it is told about,
    and entered, as if it had happened at the clock.

    Args:
        scheme: what the transactions are about.
        mode: "arrival" takes events as they come. "event_time" is for a backfill: each batch is
            sorted by event time first, of one time by arrival.
        groups: of `catalogue.GROUPS`, or `catalogue.HANDBOOK`; None for all.
        secret: 16 bytes, the key of the hash of identifiers; it changes no feature.
        remembered: events that a later label still finds.
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
        self._windows = Windows(scheme, self.features)
        self._risky = tuple(one.name for one in self._windows.entities if one.risk_windows)
        self._memory = Memory(2 * len(self._risky), remembered)
        self._lists = Lists(self._entities)
        self._seen: dict[int, int] = {}

    def feed(self, events: Columns) -> Fed:
        """Enter a batch and tell about each of its events as of its own moment.

        Args:
            events: columns as `apps.fraud.events.fields` names them; `label` and
                `label_known_at` may be missing.

        Raises:
            InputRefused: a column is missing, of another type or out of range; nothing is entered.
        """
        count = row_count(events)
        times = _integers(events, "event_time", LATEST)
        amounts = _integers(events, "amount", LARGEST_AMOUNT)
        if self.mode == "arrival":
            times = np.minimum(times, _integers(events, "known_at", LATEST) + SKEW)
        labels, known = _labels(events, count)
        keys = {
            entity: keys_of(_column(events, ENTITY + entity), self.secret)
            for entity in self._entities
        }
        ids = keys_of(_column(events, "id"), self.secret)
        order = None
        if self.mode == "event_time" and (np.diff(times) < 0).any():
            order = np.argsort(times, kind="stable")
            times, amounts, labels, known, ids = (
                column[order] for column in (times, amounts, labels, known, ids)
            )
            keys = {entity: column[order] for entity, column in keys.items()}
        first = self.sequence
        values = np.empty((count, len(self.names)), np.float32)
        late, history = np.empty(count, np.bool_), np.empty(count, np.int64)
        for start in range(0, count, _BATCH):
            part = slice(start, start + _BATCH)
            values[part], late[part], history[part] = self._feed(
                times[part], amounts[part], labels[part], known[part], ids[part],
                {entity: column[part] for entity, column in keys.items()},
            )  # fmt: skip
        if order is not None:
            back = np.empty(count, np.int64)
            back[order] = np.arange(count)
            values, late, history = values[back], late[back], history[back]
        return Fed(values=values, late=late, history=history, sequence=first)

    def _feed(
        self, times: Array, amounts: Array, labels: NDArray[np.int8], known: Array, ids: Array,
        keys: Mapping[str, Array],
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], Array]:  # fmt: skip
        clock = np.maximum.accumulate(np.maximum(times, self.clock))
        known = np.where(known < 0, clock + self.scheme.label_delay * MILLI, known)
        told, numbers = self._windows.feed(clock, keys, amounts, labels, known, self.sequence)
        kept = np.zeros((len(ids), 2 * len(self._risky)), np.int64)
        for column, entity in enumerate(self._risky):
            kept[:, 2 * column] = keys[entity]
            kept[:, 2 * column + 1] = numbers[entity]
        self._memory.enter(ids, kept)
        history = self._history(keys[self.scheme.payer.key])
        values = np.empty((len(self.names), len(ids)), np.float32)
        hour, weekday = local(times, self.scheme.timezone)
        for row, feature in enumerate(self.features):
            if feature.what in formulas.WINDOWED:
                values[row] = formulas.of_window(feature, told, amounts)
            elif feature.group == "lists":
                values[row] = self._lists.told(feature.what.partition("_")[2], clock, keys)
            elif feature.what == "hour":
                values[row] = hour
            elif feature.what == "night":
                values[row] = hour <= NIGHT_ENDS
            elif feature.what == "weekend":
                values[row] = weekday >= SATURDAY
            else:
                values[row] = amounts
        self.sequence += len(ids)
        self.clock = int(clock[-1])
        return np.ascontiguousarray(values.T), times < clock, history

    def _history(self, payers: Array) -> Array:
        told = np.empty(len(payers), np.int64)
        for row, key in enumerate(payers.tolist()):
            told[row] = self._seen.get(key, 0)
            self._seen[key] = int(told[row]) + 1
        return told

    def learn(self, ids: NDArray[np.str_], labels: Array, known_at: Array) -> NDArray[np.bool_]:
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
        row_count({"ids": ids, "labels": labels, "known_at": known_at})
        told = np.ascontiguousarray(labels, np.int64)
        if not np.isin(told, (0, 1)).all():
            raise InputRefused(
                "A label is neither 1 (fraud) nor 0 (honest); give one of these.",
                code="unknown_label",
            )
        known = np.maximum(np.ascontiguousarray(known_at, np.int64), self.clock + 1)
        found = self._memory.find(keys_of(ids, self.secret))
        taken = np.zeros(len(found), np.bool_)
        here = found >= 0
        kept = self._memory.of(found[here])
        keys = {name: kept[:, 2 * column].copy() for column, name in enumerate(self._risky)}
        numbers = {name: kept[:, 2 * column + 1].copy() for column, name in enumerate(self._risky)}
        taken[here] = self._windows.learn(keys, numbers, told[here], known[here])
        return taken

    def list_change(
        self, listed: str, entity: str, identifier: str, *, until: int | None = FOREVER,
    ) -> None:  # fmt: skip
        """Put an identifier on a list until a time (milliseconds); None takes it off.

        Raises:
            InputRefused: there is no such list or entity, or the lists are full.
        """
        key = int(keys_of(np.array([identifier]), self.secret)[0])
        self._lists.change(listed, entity, key, until)

    def snapshot(self, folder: Path) -> None:
        """Write the whole state to a folder, as plain arrays."""
        parts = {"windows": self._windows, "memory": self._memory, "lists": self._lists}
        arrays = {
            f"{part}|{name}": array
            for part, keeper in parts.items()
            for name, array in keeper.snapshot().items()
        }
        arrays["seen"] = np.array(sorted(self._seen.items()), np.int64).reshape(-1, 2)
        arrays["clock"] = np.array([self.clock, self.sequence], np.int64)
        snapshots.save(folder, self._about(), arrays)

    def restore(self, folder: Path) -> None:
        """Go on from a snapshot of a state with the same scheme, mode, groups and secret.

        Raises:
            InputRefused: the folder holds no whole snapshot, or one of another state.
        """
        arrays = snapshots.load(folder, self._about())
        parts = {"windows": self._windows, "memory": self._memory, "lists": self._lists}
        for part, keeper in parts.items():
            start = f"{part}|"
            keeper.restore(
                {name[len(start) :]: arrays[name] for name in arrays if name.startswith(start)}
            )
        self._seen = dict(arrays["seen"].tolist())
        self.clock, self.sequence = (int(value) for value in arrays["clock"])

    def nbytes(self) -> int:
        """Bytes that the state holds."""
        return self._windows.nbytes() + self._memory.nbytes()

    def _about(self) -> dict[str, object]:
        secret = int(keys_of(np.array(["secret"]), self.secret)[0])
        return {
            "scheme": self.scheme.sha256, "mode": self.mode, "names": list(self.names),
            "secret": secret,
        }  # fmt: skip


def _column(events: Columns, name: str) -> NDArray[np.str_]:
    if name not in events:
        raise InputRefused(
            f"The batch has no column {name!r}; give every column of the scheme.",
            code="missing_column",
        )
    return events[name]


def _integers(events: Columns, name: str, limit: int) -> Array:
    column = np.asarray(_column(events, name))
    if column.ndim != 1 or column.dtype.kind not in "iu":
        raise InputRefused(
            f"Column {name!r} is {column.dtype} in {column.ndim} dimensions; give one dimension of "
            "integers.",
            code="not_integers",
        )
    kept: Array = np.array(column, np.int64)
    if len(kept) and (int(kept.max()) > limit or int(kept.min()) < -limit):
        row = int(np.argmax((kept > limit) | (kept < -limit)))
        raise InputRefused(
            f"{name} is {int(kept[row])} in row {row}; give values within ±{limit}.",
            code="out_of_range",
        )
    return kept


def _labels(events: Columns, count: int) -> tuple[NDArray[np.int8], Array]:
    if "label" not in events:
        return np.full(count, UNKNOWN, np.int8), np.full(count, -1, np.int64)
    labels = _integers(events, "label", 1)
    known = np.full(count, -1, np.int64)
    if "label_known_at" in events:
        known = _integers(events, "label_known_at", LATEST)
    return labels.astype(np.int8), known

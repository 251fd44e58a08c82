"""`windowed_state`: exact aggregates over time windows of each entity's events, fed in batches."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.registry import Facts, Implementation, register
from core_kernels.errors import ArgumentRefused, InUse
from core_kernels.structures.window_table import Array, WindowTable
from core_kernels.structures.windows import LARGEST_AMOUNT, LATEST, SQUARE_SHIFT, Entity

__all__ = ["Answers", "Entity", "WindowedState"]

for _operation, _function in (
    ("windowed_state", "feed"),
    ("windowed_state_learn", "learn"),
    ("windowed_state_rebuild", "rebuild"),
):
    register(
        Implementation(
            operation=_operation,
            name="numba",
            run=f"core_kernels.cpu_ops.windowed_state:{_function}",
            devices=frozenset({"cpu"}),
        )
    )

_CPU, _FACTS = torch.device("cpu"), Facts(dtype=torch.int64)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What is told about the events of one batch.

    Attributes:
        sequence: the number of the first event; the others follow on. `learn` asks for it.
        late: [n] events older than one that was fed before.
        tables: by entity, [n, numbers]; each row is of one event, its columns as
            `Entity.answers` names them.
        entities: as given to the state.
    """

    sequence: int
    late: NDArray[np.bool_]
    tables: dict[str, Array]
    entities: tuple[Entity, ...]

    def columns(self) -> dict[str, Array]:
        """Every number by its name, as views."""
        named: dict[str, Array] = {}
        for entity in self.entities:
            named.update(zip(entity.answers(), self.tables[entity.name].T, strict=True))
        return named

    def squares(self, entity: str, window: int) -> NDArray[np.float64]:
        """The sum of squared amounts in a window, rounded to float64."""
        named = self.columns()
        high, low = (named[f"{entity}_{part}_{window}"] for part in ("high", "low"))
        return high.astype(np.float64) * float(2**SQUARE_SHIFT) + low

    def risk(self, entity: str, window: int) -> NDArray[np.float64]:
        """The share of frauds among the labelled events of a risk window; 0 without any."""
        named = self.columns()
        frauds, of = named[f"{entity}_frauds_{window}"], named[f"{entity}_labelled_{window}"]
        share = np.zeros(len(of))
        np.divide(frauds, of, out=share, where=of > 0)
        return share


class WindowedState:
    """Windows over a stream of events in time order, the same whatever the batches.

    All numbers are integers and exact, so one batch of n events and n batches of one give the same
    bits; a restored snapshot goes on as the original would.

    The clock is the latest time fed so far. A late event, older than the clock, is marked and told
    about as of the clock; with ``late="aside"`` it is not entered, with ``late="arrival"`` it is
    entered as if it had happened at the clock. Live scoring and replay in order of arrival agree.

    One caller at a time: a second one gets `InUse`.
    """

    def __init__(
        self, entities: Sequence[Entity], *, late: Literal["aside", "arrival"] = "aside"
    ) -> None:
        names = [entity.name for entity in entities]
        if not names or len(set(names)) < len(names):
            raise ArgumentRefused(f"entities are {names}; give at least one, each with its name.")
        if late not in ("aside", "arrival"):
            raise ArgumentRefused(f"late is {late!r}; give 'aside' or 'arrival'.")
        self.entities = tuple(entities)
        self.late = late
        self.clock = -LATEST
        self.sequence = 0
        self._tables = {entity.name: WindowTable(entity) for entity in entities}
        self._lock = threading.Lock()
        self._broken = False

    def feed(
        self,
        times: ArrayLike,
        ids: Mapping[str, ArrayLike],
        amounts: ArrayLike,
        labels: ArrayLike | None = None,
        known: ArrayLike | None = None,
    ) -> Answers:
        """Enter a batch and tell about each of its events as of its own moment.

        Args:
            times: [n] integers in any unit.
            ids: by column, [n] integers: each entity's name and those that `Entity.other` names.
            amounts: [n] minor units, within ±`LARGEST_AMOUNT`.
            labels: [n] 1 fraud, 0 not, −1 not known (yet); None for none.
            known: [n] when each label becomes known; None means `delay` after its event.

        Raises:
            ArgumentRefused: a column is missing, not integer, of another length or out of range;
                nothing is entered then. Or an entity has too many live events: the state is then
                half way and takes no more events; restore a snapshot.
            InUse: another thread is at work, or the state was left half way.
        """
        when = _column("times", times, None, LATEST)
        size = len(when)
        sums = _column("amounts", amounts, size, LARGEST_AMOUNT)
        needed = {name for one in self.entities for name in (one.name, one.other) if name}
        if missing := sorted(needed - set(ids)):
            raise ArgumentRefused(f"ids has no column {missing[0]!r}; give {sorted(needed)}.")
        keys = {name: _column(name, ids[name], size, 2**63) for name in needed}
        told, learnt = self._labels(labels, known, size)
        with self._alone():
            clock = np.maximum.accumulate(np.maximum(when, self.clock))
            late = when < clock
            aside = late if self.late == "aside" else np.zeros(size, np.bool_)
            run = chosen("windowed_state", _CPU, _FACTS)
            tables = {}
            self._broken = True  # until every entity has all of the batch
            for entity in self.entities:
                out = np.empty((size, len(entity.answers())), np.int64)
                due = clock + (entity.delay or 0) if learnt is None else learnt
                run(
                    self._tables[entity.name], clock, aside, keys[entity.name],
                    keys[entity.other or entity.name], sums, told, due, self.sequence, out,
                )  # fmt: skip
                tables[entity.name] = out
            self._broken = False
            first = self.sequence
            self.sequence += size
            self.clock = int(clock[-1]) if size else self.clock
        return Answers(sequence=first, late=late, tables=tables, entities=self.entities)

    def learn(
        self,
        ids: Mapping[str, ArrayLike],
        sequences: ArrayLike,
        labels: ArrayLike,
        known: ArrayLike,
    ) -> NDArray[np.bool_]:
        """Labels of events that were fed without one; they count from the time `known` on.

        Equal to having fed them with their events, which is why `known` must lie after the clock:
        events up to it have been told about already. An event keeps its first label.

        Args:
            ids: by entity, [n] the ids of the events.
            sequences: [n] their numbers: `Answers.sequence` and up.
            labels: [n] 1 fraud, 0 not.
            known: [n] times after the clock.

        Returns:
            [n] which of them some risk window may still count: found there and without a label.

        Raises:
            ArgumentRefused: a column does not fit, or a label is known before it can be.
            InUse: another thread is at work, or the state was left half way.
        """
        numbers = _column("sequences", sequences, None, 2**60)
        told, due = self._labels(labels, known, len(numbers))
        if due is None or (told < 0).any():
            raise ArgumentRefused("labels are 0 or 1 and known tells their times: give both.")
        risky = [entity for entity in self.entities if entity.risk_windows]
        keys = {one.name: _column(one.name, ids[one.name], len(numbers), 2**63) for one in risky}
        with self._alone():
            if len(due) and int(due.min()) <= self.clock:
                raise ArgumentRefused(
                    f"known is {int(due.min())}; give times after the clock, {self.clock}: events "
                    "up to it were told about without this label."
                )
            run = chosen("windowed_state_learn", _CPU, _FACTS)
            taken = np.zeros(len(numbers), np.bool_)
            for entity in risky:
                taken |= run(
                    self._tables[entity.name], keys[entity.name], numbers, told, due, self.clock
                )
        return taken

    def snapshot(self) -> dict[str, Array]:
        """Plain int64 arrays from which `restore` makes a state that goes on just so."""
        with self._alone():
            told = {"clock": np.array([self.clock, self.sequence, self.late == "aside"], np.int64)}
            for name, table in self._tables.items():
                told.update({f"{name}.{part}": kept for part, kept in table.snapshot().items()})
        return told

    @classmethod
    def restore(cls, entities: Sequence[Entity], snapshot: Mapping[str, Array]) -> Self:
        """The state of a snapshot, with the same entities.

        Raises:
            ArgumentRefused: the snapshot is damaged or of other entities.
        """
        clock = snapshot.get("clock")
        if clock is None or clock.shape != (3,) or clock.dtype != np.int64:
            raise ArgumentRefused("clock of a snapshot must be int64 [3]; give one of `snapshot`.")
        state = cls(entities, late="aside" if clock[2] else "arrival")
        state.clock, state.sequence = int(clock[0]), int(clock[1])
        for name, table in state._tables.items():
            dot = f"{name}."
            table.restore(
                {key.removeprefix(dot): kept for key, kept in snapshot.items() if dot in key}
            )
            chosen("windowed_state_rebuild", _CPU, _FACTS)(table)
        return state

    def nbytes(self) -> int:
        """Bytes of memory that the state holds."""
        return sum(table.nbytes() for table in self._tables.values())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._lock.acquire(blocking=False):
            raise InUse("This state is at work in another thread; it takes one caller at a time.")
        try:
            if self._broken:
                raise InUse("This state was left half way by an error; restore a snapshot of it.")
            yield
        finally:
            self._lock.release()

    @staticmethod
    def _labels(
        labels: ArrayLike | None, known: ArrayLike | None, size: int
    ) -> tuple[NDArray[np.int8], Array | None]:
        if labels is None:
            return np.full(size, -1, np.int8), np.zeros(size, np.int64)
        told = _column("labels", labels, size, 2)
        if len(told) and not -1 <= told.min() <= told.max() <= 1:
            raise ArgumentRefused("labels has values other than 1 fraud, 0 not and −1 not known.")
        due = None if known is None else _column("known", known, size, 2 * LATEST)
        return told.astype(np.int8), due


def _column(name: str, values: ArrayLike, size: int | None, limit: int) -> Array:
    """`values` as contiguous int64 [size] within ±limit."""
    array = np.asarray(values)
    if array.ndim != 1 or (size is not None and len(array) != size):
        raise ArgumentRefused(
            f"{name} has shape {array.shape}; give one dimension"
            + ("." if size is None else f" of {size}, as times has.")
        )
    if len(array) and array.dtype.kind not in "iub":
        raise ArgumentRefused(f"{name} has dtype {array.dtype}; give integers.")
    if len(array) and array.dtype.kind == "u" and int(array.max()) >= 2**63:
        raise ArgumentRefused(f"{name} has {int(array.max())}; give integers below 2**63.")
    kept = np.ascontiguousarray(array, np.int64)
    if not kept.flags.writeable:
        kept = kept.copy()  # compiled code takes arrays of one kind
    if limit < 2**63 and len(kept) and (kept.max() > limit or kept.min() < -limit):
        at = int(np.argmax((kept > limit) | (kept < -limit)))
        raise ArgumentRefused(
            f"{name} is {int(kept[at])} at position {at}; give values within ±{limit}."
        )
    return kept

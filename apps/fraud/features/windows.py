"""Exact windows of each entity's events, by `core_kernels`, for transactions that lack some ids.

Every entity has a state of its own, fed with the events that have it. Times are the clock's, so
nothing is late there: what late means is decided once, for all entities, by the caller.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.catalogue import Feature, counterpart, risk_windows
from apps.fraud.features.hubs import Hubs
from apps.fraud.scheme import EntityType, Scheme
from core_kernels.dispatch.windowed_state import Entity, WindowedState

Array = NDArray[np.int64]
MILLI: Final = 1000
THREADED: Final = 2**14
"""From so many events on, entities are worked on side by side; their states are apart."""


def declared(scheme: Scheme, entity: EntityType, wanted: Sequence[Feature]) -> Entity | None:
    """What has to be kept of an entity for the features that are wanted; None for nothing."""
    mine = {(one.what, one.window) for one in wanted if one.entity == entity.key}
    kinds = {what for what, _ in mine}
    asked = {window for what, window in mine if what in _OPEN}
    if "burst" in kinds:
        asked |= {scheme.windows[0], scheme.windows[-1]}
    held = [window for window in scheme.windows if window in asked]
    risky = [
        w for w in risk_windows(scheme) if any(w == at for what, at in mine if what in _DELAYED)
    ]
    if not held and not risky and "since" not in kinds:
        return None
    return Entity(
        name=entity.key,
        windows=tuple(window * MILLI for window in held) or (scheme.windows[0] * MILLI,),
        delay=scheme.label_delay * MILLI if risky else None,
        risk_windows=tuple(window * MILLI for window in risky),
        other=counterpart(scheme, entity).key if kinds & {"distinct", "burst"} else None,
        extremes="max" in kinds,
    )


_OPEN = {"count", "sum", "mean", "max", "std", "ratio", "distinct"}
_DELAYED = {"seen", "risk"}


class Windows:
    """The windows of every entity of a scheme.

    `entities` says what is kept of each. An event without an id of an entity counts nowhere there,
    nor does one of a hub that has to wait (`Hubs`); for distinct ids a missing counterpart is one
    id of its own.
    """

    def __init__(self, scheme: Scheme, wanted: Sequence[Feature]) -> None:
        found = (declared(scheme, entity, wanted) for entity in scheme.entities)
        self.entities = tuple(entity for entity in found if entity is not None)
        self._states = {one.name: WindowedState([one]) for one in self.entities}
        self._pool: ThreadPoolExecutor | None = None
        self._hubs = {
            one.name: Hubs(
                max(*one.windows, *((one.delay or 0) + window for window in one.risk_windows), 0),
                len(one.answers()),
            )
            for one in self.entities
        }

    @contextmanager
    def threads(self, count: int) -> Iterator[None]:
        """Within it entities are worked on side by side, where `count` events are worth it."""
        if count < THREADED or len(self.entities) < 2:
            yield
            return
        with ThreadPoolExecutor(len(self.entities)) as self._pool:
            try:
                yield
            finally:
                self._pool = None

    def feed(
        self,
        clock: Array,
        keys: Mapping[str, Array],
        amounts: Array,
        labels: NDArray[np.int8],
        known: Array,
        sequence: int,
        nodes: Mapping[str, NDArray[np.int32]],
        before: Mapping[str, Array],
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Enter events and tell about each.

        Args:
            clock: [n] milliseconds, not descending.
            keys: by entity, [n]; 0 where there is none.
            amounts: [n] minor units.
            labels, known: [n] as `WindowedState.feed` takes them.
            sequence: number of the first event.
            nodes, before: by entity, [n] which one it is, −1 for none, and how many events it had
                before this batch.

        Returns:
            by entity, [n, numbers] as `Entity.answers` names them, zeros (since: −1) where the
            entity is missing; and the [n] numbers under which `learn` finds the events.
        """

        def fed(entity: Entity) -> tuple[Array, Array]:
            state, hubs, mine = (
                self._states[entity.name],
                self._hubs[entity.name],
                nodes[entity.name],
            )
            state.sequence = sequence
            ids = {name: keys[name] for name in (entity.name, entity.other) if name}
            waiting = hubs.waiting(mine, before[entity.name], clock)
            there = mine >= 0 if waiting is None else (mine >= 0) & ~waiting
            if there.all():
                answers = state.feed(clock, ids, amounts, labels, known)
                table, numbers = answers.tables[entity.name], np.arange(len(mine))
            else:
                answers = state.feed(
                    clock[there], {name: column[there] for name, column in ids.items()},
                    amounts[there], labels[there], known[there],
                )  # fmt: skip
                table, numbers = _spread(answers.tables[entity.name], there), np.cumsum(there) - 1
            hubs.stand_still(mine, waiting, table)
            return table, sequence + numbers

        side_by_side = map if self._pool is None else self._pool.map
        told: dict[str, Array] = {}
        numbers: dict[str, Array] = {}
        for entity, found in zip(self.entities, side_by_side(fed, self.entities), strict=True):
            told[entity.name], numbers[entity.name] = found
        return told, numbers

    def learn(
        self, keys: Mapping[str, Array], numbers: Mapping[str, Array], labels: Array, known: Array
    ) -> NDArray[np.bool_]:
        """Labels that came later; tells which of the events some risk window may still count."""
        taken = np.zeros(len(labels), np.bool_)
        for entity in self.entities:
            if not entity.risk_windows:
                continue
            state, there = self._states[entity.name], keys[entity.name] != 0
            # No event of this entity may have come since others moved the clock: still later.
            taken[there] |= state.learn(
                {entity.name: keys[entity.name][there]}, numbers[entity.name][there],
                labels[there], known[there],
            )  # fmt: skip
        return taken

    def snapshot(self) -> dict[str, Array]:
        """Plain arrays of everything."""
        kept = {f"{name}/{part}": array for name, part, array in self._parts()}
        return kept

    def _parts(self) -> Iterator[tuple[str, str, Array]]:
        for name, state in self._states.items():
            for keeper in (state, self._hubs[name]):
                for part, array in keeper.snapshot().items():
                    yield name, part, array

    def restore(self, kept: Mapping[str, Array]) -> None:
        """Take the arrays of `snapshot`; raises `core_kernels.errors.ArgumentRefused`."""
        for entity in self.entities:
            start = f"{entity.name}/"
            mine = {name[len(start) :]: kept[name] for name in kept if name.startswith(start)}
            self._hubs[entity.name].restore({name: mine.pop(name) for name in ("hubs", "last")})
            self._states[entity.name] = WindowedState.restore([entity], mine)

    def nbytes(self) -> int:
        """Bytes that the states hold."""
        return sum(state.nbytes() for state in self._states.values())


def _spread(table: Array, there: NDArray[np.bool_]) -> Array:
    """The numbers of some rows among all rows; nothing of the others."""
    whole = np.zeros((len(there), table.shape[1]), np.int64)
    whole[:, 0] = -1
    whole[there] = table
    return whole

"""Exact windows of each entity's events, by `core_kernels`, for transactions that lack some ids.

Every entity has a state of its own, fed with the events that have it. Times are the clock's, so
nothing is late there: what late means is decided once, for all entities, by the caller.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.catalogue import Feature, counterpart, risk_windows
from apps.fraud.scheme import EntityType, Scheme
from core_kernels.dispatch.windowed_state import Answers, Entity, WindowedState

Array = NDArray[np.int64]
MILLI: Final = 1000
THREADED: Final = 4096
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

    `entities` says what is kept of each. An event without an id of an entity counts nowhere there;
    for distinct ids a missing counterpart is one id of its own.
    """

    def __init__(self, scheme: Scheme, wanted: Sequence[Feature]) -> None:
        found = (declared(scheme, entity, wanted) for entity in scheme.entities)
        self.entities = tuple(entity for entity in found if entity is not None)
        self._states = {one.name: WindowedState([one]) for one in self.entities}

    def feed(
        self,
        clock: Array,
        keys: Mapping[str, Array],
        amounts: Array,
        labels: NDArray[np.int8],
        known: Array,
        sequence: int,
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Enter events and tell about each.

        Args:
            clock: [n] milliseconds, not descending.
            keys: by entity, [n]; 0 where there is none.
            amounts: [n] minor units.
            labels, known: [n] as `WindowedState.feed` takes them.
            sequence: number of the first event.

        Returns:
            every number by its name as `Entity.answers` has it, zeros (since: −1) where the entity
            is missing; and by entity the [n] numbers under which `learn` finds the events.
        """

        def fed(entity: Entity) -> tuple[dict[str, Array], Array]:
            state, mine = self._states[entity.name], keys[entity.name]
            state.sequence = sequence
            ids = {name: keys[name] for name in (entity.name, entity.other) if name}
            there = mine != 0
            if there.all():
                answers = state.feed(clock, ids, amounts, labels, known)
                return answers.columns(), np.arange(sequence, sequence + len(mine))
            answers = state.feed(
                clock[there], {name: column[there] for name, column in ids.items()},
                amounts[there], labels[there], known[there],
            )  # fmt: skip
            return _spread(answers, there, entity), sequence + np.cumsum(there) - 1

        if len(clock) < THREADED or len(self.entities) < 2:
            answers = [fed(entity) for entity in self.entities]
        else:
            with ThreadPoolExecutor(len(self.entities)) as pool:
                answers = list(pool.map(fed, self.entities))
        told: dict[str, Array] = {}
        for columns, _ in answers:
            told.update(columns)
        names = [entity.name for entity in self.entities]
        return told, {name: mine for name, (_, mine) in zip(names, answers, strict=True)}

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
        return {
            f"{name}/{part}": array
            for name, state in self._states.items()
            for part, array in state.snapshot().items()
        }

    def restore(self, kept: Mapping[str, Array]) -> None:
        """Take the arrays of `snapshot`; raises `core_kernels.errors.ArgumentRefused`."""
        for entity in self.entities:
            start = f"{entity.name}/"
            mine = {name[len(start) :]: kept[name] for name in kept if name.startswith(start)}
            self._states[entity.name] = WindowedState.restore([entity], mine)

    def nbytes(self) -> int:
        """Bytes that the states hold."""
        return sum(state.nbytes() for state in self._states.values())


def _spread(answers: Answers, there: NDArray[np.bool_], entity: Entity) -> dict[str, Array]:
    """The numbers of some rows among all rows."""
    table = answers.tables[entity.name]
    whole = np.zeros((len(there), table.shape[1]), np.int64)
    whole[:, 0] = -1
    whole[there] = table
    return dict(zip(entity.answers(), whole.T, strict=True))

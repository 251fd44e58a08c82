"""The guard against leaks: features are made again from a past whose future was changed.

Two canaries, at several moments T of the data:

* **shuffled future**: of the events at or after T a third is left out; amounts, identifiers,
  attributes and labels of the others change places and values. No feature of an event before T may
  change by a bit.
* **labels before their time**: every label that became known at or after T is turned over. No
  feature of an event before T may change: not by its own label, nor by those of its neighbours.

A feature that changes has read what nobody knew then, however plausible its figures look; a long
honest history changes nothing. Training refuses, with the feature's name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import ATTRIBUTE, ENTITY, LARGEST_AMOUNT, UNKNOWN
from apps.fraud.features.catalogue import catalogue
from apps.fraud.features.state import FeatureState
from apps.fraud.training.blocks import blocks
from apps.fraud.training.hindsight import copied
from apps.fraud.training.neighbours import neighbourhood
from apps.fraud.training.table import Table
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused

MOMENTS = (0.35, 0.65, 0.9)
"""Shares of the rows before each moment."""
MOST_ROWS = 60_000
"""Rows that the features are made of again, at the end of the data."""
KEPT = 16
KEPT_SHARE = 2 / 3
"""Of the events after a moment, those that still happen."""
Make = Callable[[Columns], Mapping[str, NDArray]]
"""Features by name, [n] each, of events in order of time."""


class Leak(InputRefused):
    """A feature knows what nobody knew at its moment."""

    code = "leak"


@dataclass(frozen=True)
class Quiet:
    """That nothing leaked: how much was looked at."""

    features: int
    rows: int
    moments: int

    def told(self) -> dict[str, Any]:
        """JSON-safe."""
        return {"leaks": [], **vars(self)}


def guard(table: Table, make: Make | None = None, *, seed: int = 0) -> Quiet:
    """Try both canaries on the way features are made, and the file's own columns for hindsight.

    Args:
        table: whose last rows are tried.
        make: None: the features of the table, and those of the last neighbours.
        seed: of the shuffles.

    Raises:
        Leak: naming the first feature that leaks, how many do, and what to do.
    """
    events = {name: column[-MOST_ROWS:] for name, column in table.events.items()}
    maker = make or _maker(table)
    found = {**leaks(events, maker, seed=seed), **copied(table, seed)}
    if found:
        (name, why), more = next(iter(found.items())), len(found) - 1
        raise Leak(
            f"The feature {name!r} leaks: {why}."
            + (f" So do {more} more: {', '.join(list(found)[1:6])}." if more else "")
            + " Compute it from earlier events and from labels known by then, or leave it out."
        )
    count = len(maker({name: column[:2] for name, column in events.items()}))
    return Quiet(count, len(events["event_time"]), len(MOMENTS))


def leaks(
    events: Columns, make: Make, *, seed: int = 0, moments: Sequence[float] = MOMENTS
) -> dict[str, str]:
    """The features that change when only the future does, and how that was seen."""
    size = len(events["event_time"])
    honest = make(events)
    found: dict[str, str] = {}
    rng = np.random.default_rng(seed)
    for share in moments:
        moment = int(events["event_time"][min(size - 1, int(share * size))])
        past = np.flatnonzero(events["event_time"] < moment)
        if not len(past):
            continue
        for why, changed in (
            (
                "it changed when the events after its own were shuffled",
                _shuffled(events, moment, rng),
            ),
            ("it changed with labels that were not known yet", _turned(events, moment)),
        ):
            told = make(changed)
            for name, value in honest.items():
                if not np.array_equal(value[past], told[name][past], equal_nan=_floats(value)):
                    found.setdefault(name, why)
    return found


def _floats(value: NDArray) -> bool:
    return value.dtype.kind == "f"


def _shuffled(events: Columns, moment: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Another future from `moment` on.

    A third of its events never happen; of the others amounts, identifiers, attributes and labels
    change places, amounts grow, and half the labels turn over.
    """
    before = np.flatnonzero(events["event_time"] < moment)
    after = np.flatnonzero(events["event_time"] >= moment)
    after = after[rng.random(len(after)) < KEPT_SHARE]
    changed = {}
    for name, column in events.items():
        drawn = after
        if name.startswith((ENTITY, ATTRIBUTE)) or name == "amount":
            drawn = rng.permutation(after)
        changed[name] = np.concatenate([column[before], column[drawn]])
    new = slice(len(before), None)
    changed["amount"][new] = np.minimum(changed["amount"][new] * 2 + 1, LARGEST_AMOUNT)
    label = changed["label"][new]
    turned = (rng.random(len(label)) < 0.5) & (label != UNKNOWN)
    changed["label"][new] = np.where(turned, 1 - label, label)
    return changed


def _turned(events: Columns, moment: int) -> dict[str, np.ndarray]:
    """Labels known from `moment` on say the opposite."""
    label, known = events["label"], events["label_known_at"]
    late = (label != UNKNOWN) & ((known < 0) | (known >= moment))
    return {**events, "label": np.where(late, 1 - label, label)}


def _maker(table: Table) -> Make:
    """The features of a table, and those of the last neighbours, from events."""
    groups = _groups(table)

    def make(events: Columns) -> dict[str, NDArray]:
        state = FeatureState(table.scheme, mode="event_time", groups=groups)
        fed = state.feed(events)
        small = replace(
            table, events=events, names=state.names, values=fed.values, history=fed.history
        )
        near = neighbourhood(small, blocks(small, KEPT), np.arange(len(small)))
        named = dict(zip(state.names, fed.values.T, strict=True))
        return {**named, **dict(zip(near.names, near.values.T, strict=True))}

    return make


def _groups(table: Table) -> tuple[str, ...]:
    wanted = set(table.names)
    return tuple(dict.fromkeys(one.group for one in catalogue(table.scheme) if one.name in wanted))

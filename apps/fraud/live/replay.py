"""Features again from the log, bit for bit: after a start, under another scheme, or to look back.

Transactions are fed in their order of arrival with labels and lists in between, exactly as they
came. What a live session was told in event-time order never mixes with this: a backfill is a
session of its own, and its batches are fed again one by one, as they were sorted one by one.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import fields
from apps.fraud.features.catalogue import LISTS
from apps.fraud.features.state import FeatureState, Fed
from apps.fraud.live.changes import Change, Entry, Labels
from apps.fraud.live.encoding import absent
from apps.fraud.live.log import Log

Array = NDArray[np.generic]
Watch = Callable[[int, dict[str, Array], Fed], None]
"""Hears the number of the first row, columns, and what was told of them."""


def apply_change(state: FeatureState, change: Change) -> int:
    """Tell the state of a change; returns how many of its parts counted."""
    if isinstance(change, Labels):
        told = [n for n, label in enumerate(change.labels) if label in (0, 1)]
        if not told:
            return 0
        taken = state.learn(
            np.array([change.ids[n] for n in told], np.str_),
            np.array([change.labels[n] for n in told], np.int64),
            np.array([change.known_at[n] for n in told], np.int64),
        )
        return int(taken.sum())
    if isinstance(change, Entry):
        known = {entity.key for entity in state.scheme.entities}
        if change.listed not in LISTS or change.entity not in known:
            return 0
        if change.until is None:
            state.list_change(change.listed, change.entity, change.identifier, until=None)
        elif change.until < 0:
            state.list_change(change.listed, change.entity, change.identifier)
        else:
            state.list_change(change.listed, change.entity, change.identifier, until=change.until)
        return 1
    return 0


def feed_again(
    state: FeatureState,
    log: Log,
    changes: Iterable[tuple[int, Change]],
    first: int,
    stop: int,
    starts: Sequence[int] = (),
    watch: Watch | None = None,
) -> int:
    """Feed transactions `first` to `stop`, and the changes up to there.

    Args:
        changes: from the one that the state has not heard of, with their places.
        starts: where the batches began, for a session in event-time order.

    Returns:
        how many changes were told.
    """
    told, at = 0, first
    for place, change in changes:
        if place > stop:
            break
        _feed(state, log, at, place, starts, watch)
        at = max(at, place)
        apply_change(state, change)
        told += 1
    _feed(state, log, at, stop, starts, watch)
    return told


def _feed(
    state: FeatureState, log: Log, first: int, stop: int, starts: Sequence[int],
    watch: Watch | None,
) -> None:  # fmt: skip
    if first >= stop:
        return
    for at, columns in _batches(state, log, first, stop, starts):
        fed = state.feed(columns)
        if watch is not None:
            watch(at, columns, fed)


def _batches(
    state: FeatureState, log: Log, first: int, stop: int, starts: Sequence[int]
) -> Iterator[tuple[int, dict[str, Array]]]:
    wanted = fields(state.scheme)
    names = list(wanted)
    if state.mode == "arrival":
        for at, piece in log.pieces(first, stop, names):
            yield at, _whole(piece, wanted)
        return
    bounds = [first, *starts[bisect_left(starts, first + 1) : bisect_left(starts, stop)], stop]
    for start, end in pairwise(bounds):
        pieces = [_whole(piece, wanted) for _, piece in log.pieces(start, end, names)]
        yield start, {name: np.concatenate([piece[name] for piece in pieces]) for name in names}


def _whole(piece: Mapping[str, Array], wanted: Mapping[str, np.dtype]) -> dict[str, Array]:
    """What a part of the log lacks, or has as another kind, stands empty."""
    count, whole = len(piece["id"]), {}
    for name, kind in wanted.items():
        column = piece.get(name)
        if column is None or (column.dtype.kind == "U") != (kind.kind == "U"):
            column = np.full(count, np.nan) if kind.kind == "f" else absent(name, count)
        whole[name] = column
    return whole

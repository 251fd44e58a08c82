"""Features of the past again, from the newest snapshot of an engine that runs or has stopped.

The engine is not asked and not disturbed: a snapshot's files never change.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import FEATURE
from apps.fraud.features.state import Fed
from apps.fraud.live import storing
from apps.fraud.live.replay import feed_again
from apps.fraud.live.session import LIVE, Room, Session
from loupe.contract.runtime.errors import InputRefused

AT_ONCE = 8_192
Columns = dict[str, NDArray[Any]]


def newest_snapshot(state: Path) -> Path:
    """The newest whole snapshot below the service's folder, such as ``var/engine/fraud``.

    Raises:
        InputRefused: there is none.
    """
    found = sorted(path for path in state.glob("snapshot-*") if path.suffix != ".partial")
    if not found:
        raise InputRefused(
            f"{state} holds no snapshot; the engine writes one when it stops.", code="no_snapshot"
        )
    return found[-1]


def sessions(snapshot: Path) -> Iterator[Session]:
    """Every session's log; their ids and features are not brought back."""
    whole = storing.read_manifest(snapshot)
    room = Room(whole.secret, ThreadPoolExecutor(1))
    for number, written in enumerate(whole.sessions):
        yield storing.read(written, snapshot / str(number), room)


def session(snapshot: Path, project: str, name: str = LIVE) -> Session:
    """One of them.

    Raises:
        InputRefused: there is no such session.
    """
    for found in sessions(snapshot):
        if (found.project, found.name) == (project, name):
            return found
    raise InputRefused(
        f"The snapshot has no session {name!r} of project {project!r}.", code="no_session"
    )


def features(kept: Session, first: int, stop: int) -> Iterator[tuple[int, Columns]]:
    """Transactions `first` to `stop` with their features, made again, in pieces.

    The scheme is the one by which `first` was told; after a change of scheme ask for the rest
    again. Begins at the last base before `first`, so the way there may be long.

    Raises:
        InputRefused: what they follow from is no longer kept.
    """
    stop = min(stop, kept.log.end)
    if not kept.log.first <= first <= stop:
        raise InputRefused(
            f"Transactions {first} to {stop} are asked for; {kept.log.first} to {kept.log.end} "
            "are kept.",
            code="not_kept",
        )
    scheme = kept.scheme_at(first)
    state, at, told = kept.new_state(scheme), kept.log.first, 0
    bases = [base for base in kept.bases if base.at <= first and base.scheme == scheme.sha256]
    if bases:
        storing.restore_base(state, bases[-1])
        at, told = bases[-1].at, bases[-1].changes
    elif at > 0:
        raise InputRefused(
            f"Transactions before {at} were dropped by retention and no base of that time is "
            "kept, so the features cannot be made again.",
            code="not_kept",
        )
    found: list[tuple[int, Columns]] = []

    def watch(place: int, columns: Columns, fed: Fed) -> None:
        features = zip(state.names, fed.values.T, strict=True)
        told = {FEATURE + name: np.ascontiguousarray(column) for name, column in features}
        found.append((place, {**columns, "late": fed.late, "history": fed.history, **told}))

    told += feed_again(state, kept.log, kept.changes.since(told), at, first, kept.starts)
    for start in range(first, stop, AT_ONCE):
        end = min(start + AT_ONCE, stop)
        if state.mode != "arrival":
            start, end = first, stop  # batches stay whole
        found.clear()
        changes = kept.changes.since(told)
        told += feed_again(state, kept.log, changes, start, end, kept.starts, watch)
        yield from found
        if end == stop:
            return

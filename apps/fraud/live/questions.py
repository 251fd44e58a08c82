"""What may be asked of the live state, between requests; nothing changes by it.

status          counts, bytes, where segments lie, how far a rebuild is
transactions    ``ids``: the transactions, with what was told of them
history         ``entity``, ``key``: its latest transactions, ``limit`` and ``before`` (a
                sequence, for the next page), with features where ``features`` is true
neighbours      ``entity``, ``key``: what its latest transactions share, and how often
rings           ``limit``: who acts together; begins with the first question, see `ring_view`
compact         as status, and ``left``: segments old enough that still hold their features; each
                time it is asked one more stretch of them begins to be compacted
between         ``earliest``, ``latest`` (milliseconds of event time), ``limit``
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from apps.fraud.events import ENTITY, FEATURE, fields
from apps.fraud.live import hashing
from apps.fraud.live.encoding import column
from apps.fraud.live.ring_view import MOST_TOLD, RingView
from apps.fraud.live.segments import Segment, entity_hashes
from apps.fraud.live.session import Session
from apps.fraud.live.stretches import Rows
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload

MOST_ROWS = 5_000
NEIGHBOURS_OF = 1_000
MOST_NEIGHBOURS = 100
Chosen = Callable[[pa.Table], pa.ChunkedArray]


def answer(session: Session, request: Payload) -> Payload:
    """Answer one question of `KINDS`.

    Raises:
        InputRefused: there is no such question, or it lacks something.
    """
    return _kind(request)(session, request)


def of_nothing(request: Payload) -> Payload:
    """The answer of a session that has not begun: it knows of no transaction."""
    _kind(request)
    return Payload(meta={"transactions": 0, "sessions": 0})


def status(session: Session, _request: Payload) -> Payload:
    """Counts and sizes; ``bytes_per_transaction`` is of the log's files, filters and ids."""
    log, rebuild = session.log, session.rebuild
    log.take_over()
    written = list(log.segments)
    rows = sum(segment.facts.rows for segment in written)
    sizes = {
        "rows": sum(segment.file.nbytes for segment in written),
        "filters": sum(segment.filters.nbytes for segment in written),
        "ids": sum(generation.file.nbytes for generation in session.ids.frozen),
        "changes": session.changes.nbytes,
        "bases": sum(file.nbytes for base in session.bases for file in base.files.values()),
    }
    meta: dict[str, JsonValue] = {
        "transactions": log.end, "first": log.first, "in_segments": rows, "waiting": log.waiting,
        "segments": len(written),
        "compacted": sum(segment.facts.form == "parquet" for segment in written),
        "bytes": dict(sizes),
        "bytes_per_transaction": round((sizes["rows"] + sizes["filters"]) / max(rows, 1), 1),
        "memory_bytes": session.nbytes(), "known_at": session.known_at,
        "pending_labels": len(session.pending), "scheme_sha256": session.scheme.sha256,
        "rebuilding": None if rebuild is None else {"done": rebuild.at, "of": log.end},
    }  # fmt: skip
    return Payload(meta=meta)


def compact(session: Session, request: Payload) -> Payload:
    """Files become smaller in the background; what is told of transactions stays as it was."""
    left = session.compact()
    return Payload(meta={**status(session, request).meta, "left": left})


def transactions(session: Session, request: Payload) -> Payload:
    """Transactions by id, those that are known, in the order asked for."""
    ids = request.meta.get("ids")
    if not isinstance(ids, list) or not 0 < len(ids) <= MOST_ROWS:
        raise InputRefused(f"Send 1 to {MOST_ROWS:,} ids.", code="question")
    words = np.array([str(one) for one in ids])
    found = session.ids.find(*hashing.identities(words, session.room.secret.key))
    found = found[found >= session.log.first]
    names = [*fields(session.scheme), "late", "history"]
    names += [FEATURE + name for name in session.state.names]
    return Payload(arrays={**session.log.rows(found, names), "sequence": found})


def history(session: Session, request: Payload) -> Payload:
    """An entity's latest transactions, the newest first."""
    entity, key = _entity(session, request)
    limit = _whole(request, "limit", 100, MOST_ROWS)
    before = _whole(request, "before", session.log.end, 2**62)
    names = [*fields(session.scheme), "late", "history"]
    if request.meta.get("features") is True:
        names += [FEATURE + name for name in session.state.names]
    return Payload(arrays=_of_entity(session, entity, key, names, limit, before))


def neighbours(session: Session, request: Payload) -> Payload:
    """Identifiers that its latest transactions name beside it, most often first."""
    entity, key = _entity(session, request)
    names = [ENTITY + one.key for one in session.scheme.entities]
    found = _of_entity(session, entity, key, names, NEIGHBOURS_OF, session.log.end)
    told: list[JsonValue] = []
    for name in names:
        counted = Counter(found[name].tolist())
        if name == ENTITY + entity:
            continue
        for other, count in counted.most_common(MOST_NEIGHBOURS):
            if other:
                told.append({"entity": name[len(ENTITY) :], "key": other, "count": count})
    return Payload(meta={"neighbours": told, "transactions": len(found["sequence"])})


def rings(session: Session, request: Payload) -> Payload:
    """Rings of the live log, as far as they have been followed."""
    if session.ring_view is None or session.ring_view.scheme != session.scheme:
        session.ring_view = RingView(session.scheme)
    limit = _whole(request, "limit", 50, MOST_TOLD)
    return Payload(meta=session.ring_view.told(session.log, limit))


def between(session: Session, request: Payload) -> Payload:
    """Transactions that happened in a stretch of time, the last that arrived first."""
    earliest = _whole(request, "earliest", 0, 2**62)
    latest = _whole(request, "latest", 2**62, 2**62)
    limit = _whole(request, "limit", MOST_ROWS, MOST_ROWS)

    def chosen(table: pa.Table) -> pa.ChunkedArray:
        times = table["event_time"]
        return pc.and_(pc.greater_equal(times, earliest), pc.less_equal(times, latest))

    names = [*fields(session.scheme), "late", "history"]
    sources = session.log.between(earliest, latest)
    return Payload(arrays=_gathered(session, sources, chosen, names, limit, session.log.end))


KINDS: dict[str, Callable[[Session, Payload], Payload]] = {
    "status": status,
    "compact": compact,
    "transactions": transactions,
    "history": history,
    "neighbours": neighbours,
    "rings": rings,
    "between": between,
}


def _kind(request: Payload) -> Callable[[Session, Payload], Payload]:
    kind = str(request.meta.get("kind", "status"))
    if kind not in KINDS:
        raise InputRefused(
            f"There is no question {kind[:40]!r}; ask one of {', '.join(KINDS)}.", code="question"
        )
    return KINDS[kind]


def _of_entity(
    session: Session, entity: str, key: str, names: list[str], limit: int, before: int
) -> dict[str, NDArray[Any]]:
    hashed = entity_hashes(np.array([key]), session.room.secret.key)

    def chosen(table: pa.Table) -> pa.ChunkedArray:
        return pc.equal(table[ENTITY + entity], key)

    sources = session.log.holders(entity, hashed)
    return _gathered(session, sources, chosen, names, limit, before)


def _gathered(
    session: Session, sources: Iterable[tuple[int, Segment | Rows]], chosen: Chosen,
    names: list[str], limit: int, before: int,
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """The last rows that are chosen, the newest first: found by one column, read by number."""
    needed = [*(ENTITY + one.key for one in session.scheme.entities), "event_time"]
    sequences: list[NDArray[np.int64]] = []
    count = 0
    for start, source in sources:
        if start >= before:
            continue
        for at, piece in source.pieces(needed):
            if not set(needed) <= set(piece.column_names):
                continue
            rows = np.flatnonzero(column(chosen(piece)).astype(np.bool_)) + at
            sequences.append(rows[rows < before])
            count += len(sequences[-1])
        if count >= limit:
            break
    found = np.sort(np.concatenate([np.zeros(0, np.int64), *sequences]))[::-1][:limit]
    return {**session.log.rows(found, names), "sequence": found}


def _entity(session: Session, request: Payload) -> tuple[str, str]:
    entity, key = request.meta.get("entity"), request.meta.get("key")
    known = [one.key for one in session.scheme.entities]
    if entity not in known or not isinstance(key, str) or not key:
        raise InputRefused(
            f"entity is {str(entity)[:40]!r}; name one of {', '.join(known)}, and its key.",
            code="question",
        )
    return str(entity), key


def _whole(request: Payload, name: str, default: int, most: int) -> int:
    value = request.meta.get(name, default)
    if type(value) is not int or not 0 <= value <= most:
        raise InputRefused(
            f"{name} is {value!r}; send a whole number from 0 to {most}.", code="question"
        )
    return value

"""A session in a snapshot's folder and back.

Files that never change are linked in, so a snapshot writes what is new since the last one: the rows
that came, the newest ids' generations, and now and then the features' state (a base). What a base
lacks is fed again from the log, which gives the same bits.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from apps.fraud.features.state import FeatureState
from apps.fraud.live import hashing, incoming
from apps.fraud.live.bases import Base, Growing
from apps.fraud.live.changes import Changes
from apps.fraud.live.files import Kept
from apps.fraud.live.known_ids import Frozen
from apps.fraud.live.limits import DAY_MS, Policy
from apps.fraud.live.replay import feed_again
from apps.fraud.live.segments import Facts, Segment
from apps.fraud.live.session import Rebuild, Room, Secret, Session
from apps.fraud.live.tail import Piece
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.errors import InputRefused


class Written(msgspec.Struct, frozen=True):
    """The manifest of one session; files go by the numbers and names told here."""

    project: str
    name: str
    scheme: str
    policy: str
    first: int
    end: int
    ids_from: int
    began: int
    known_at: int
    pending: dict[str, tuple[int, int]]
    segments: list[dict[str, Any]]
    generations: int
    changes: list[int]
    bases: list[dict[str, Any]]
    rebuild: tuple[str, int, int] | None
    tail: list[tuple[int, int]] | None = None
    """First row and rows of each file of the newest ones; None: one file, of earlier snapshots."""


MANIFEST = "manifest.json"
BASE_MS = 30 * DAY_MS
"""A base older than this is followed by another, and then stays."""


class _Manifest(msgspec.Struct, frozen=True):
    version: int
    key: tuple[int, int]
    features: str
    sessions: list[Written]
    gone: list[tuple[str, str]]


@dataclass(frozen=True)
class Whole:
    """What a snapshot says of itself: its secret, its sessions, and those that are gone."""

    secret: Secret
    sessions: list[Written]
    gone: list[tuple[str, str]]


def write_manifest(folder: Path, whole: Whole) -> None:
    """What makes the folder a whole snapshot; session n lies below ``n/``."""
    key, features = whole.secret.key, whole.secret.features.hex()
    manifest = _Manifest(1, key, features, whole.sessions, whole.gone)
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))


def read_manifest(folder: Path) -> Whole:
    """What `write_manifest` wrote.

    Raises:
        InputRefused: the snapshot is not whole.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=_Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise InputRefused(
            f"{folder.name} holds no whole snapshot of transactions ({error}); restore an older "
            "one.",
            code="snapshot_damaged",
        ) from error
    secret = Secret(manifest.key, bytes.fromhex(manifest.features))
    return Whole(secret, manifest.sessions, manifest.gone)


def write(session: Session, folder: Path) -> Written:
    """Have all of `session` below `folder`, which is empty.

    Raises:
        OSError: the disk is full.
    """
    log, near = session.log, session.room.near
    # Nothing is waited for: what is no segment or no generation yet is told row by row.
    pieces = log.tail()
    session.ids.take_over()
    for piece in pieces:
        piece.file.into(folder / f"{piece.first}.tail")
    for segment in log.segments:
        segment.file.into(folder / f"{segment.facts.first}.rows")
        segment.filters.into(folder / f"{segment.facts.first}.filters")
    for number, generation in enumerate(session.ids.frozen):
        generation.file.into(folder / f"{number}.ids")
    session.changes.close(near)
    for number, (_, file) in enumerate(session.changes.files):
        file.into(folder / f"{number}.changes")
    np.save(folder / "starts.npy", np.array(session.starts, np.int64), allow_pickle=False)
    _write_bases(session, folder)
    rebuild = session.rebuild
    return Written(
        project=session.project, name=session.name, scheme=session.scheme.model_dump_json(),
        policy=session.policy.model_dump_json(), first=log.first, end=log.end,
        ids_from=session.ids.unfrozen_from(session.ids_from), began=session.began,
        known_at=session.known_at, pending=session.pending,
        segments=[segment.facts.model_dump(mode="json") for segment in log.segments],
        generations=len(session.ids.frozen),
        changes=[count for count, _ in session.changes.files],
        bases=[
            {
                "at": base.at, "changes": base.changes, "known_at": base.known_at,
                "scheme": base.scheme, "files": sorted(base.files),
            }
            for base in session.bases
        ],
        rebuild=None if rebuild is None
        else (rebuild.scheme.model_dump_json(), rebuild.at, rebuild.changes),
        tail=[(piece.first, piece.rows) for piece in pieces],
    )  # fmt: skip


def read(written: Written, folder: Path, room: Room) -> Session:
    """The log of the session that `write` left below `folder`; `resume` makes it whole."""
    scheme = Scheme.model_validate_json(written.scheme)
    policy = Policy.model_validate_json(written.policy)
    session = Session(written.project, written.name, scheme, policy, room)
    session.changes, session.began = Changes(), written.began
    session.pending, session.known_at = dict(written.pending), written.known_at
    session.starts = np.load(folder / "starts.npy", allow_pickle=False).tolist()
    log = session.log
    log.first = written.first
    for told in written.segments:
        facts = Facts.model_validate(told)
        log.segments.append(
            Segment(
                facts,
                Kept.opened(folder / f"{facts.first}.rows"),
                Kept.opened(folder / f"{facts.first}.filters"),
            )
        )
    log.adopt(_tail(written, folder), written.end)
    for number in range(written.generations):
        session.ids.frozen.append(Frozen(Kept.opened(folder / f"{number}.ids")))
    for number, count in enumerate(written.changes):
        session.changes.files.append((count, Kept.opened(folder / f"{number}.changes")))
    for base in written.bases:
        at, names = base["at"], base["files"]
        files = {name: Kept.opened(folder / f"base-{at}-{name}") for name in names}
        session.bases.append(Base(at, base["changes"], base["known_at"], base["scheme"], files))
    return session


def resume(session: Session, written: Written) -> None:
    """Bring ids and features of a session that was read to where they were."""
    _enter_again(session, written.ids_from)
    feed_features(session)
    if written.rebuild is not None:
        scheme, stop, told = written.rebuild
        declared = Scheme.model_validate_json(scheme)
        rebuild = Rebuild(declared, session.new_state(declared), stop, told)
        log = session.log
        feed_again(rebuild.state, log, session.changes.since(), log.first, stop)
        session.rebuild = rebuild


def feed_features(session: Session) -> None:
    """Bring the features of a session that was read to where its log ends."""
    at, changes, log = session.log.first, 0, session.log
    if session.bases and session.bases[-1].scheme == session.scheme.sha256:
        at, changes = session.bases[-1].at, session.bases[-1].changes
        restore_base(session.state, session.bases[-1])
    feed_again(session.state, log, session.changes.since(changes), at, log.end, session.starts)


def _tail(written: Written, folder: Path) -> list[Piece]:
    if written.tail is not None:
        return [
            Piece(first, rows, Kept.opened(folder / f"{first}.tail"))
            for first, rows in written.tail
        ]
    first = max((told["first"] + told["rows"] for told in written.segments), default=written.first)
    rows = written.end - first
    return [Piece(first, rows, Kept.opened(folder / "tail.arrow"))] if rows else []


def begin_base(session: Session, folder: Path, number: int) -> None:
    """Have a base made where the last one is too far back; `folder` is a whole snapshot, of which
    `session` is number `number`."""
    if session.growing is None and session.room.near is not None and _due(session):
        log, changes = session.log, session.changes
        base = Base(log.end, changes.count, session.known_at, session.scheme.sha256, {})
        session.growing = Growing.begin(folder, number, base, session.room.near)


def _write_bases(session: Session, folder: Path) -> None:
    """The bases there are."""
    grown = None
    if session.growing is not None and session.growing.ended():
        grown, session.growing = session.growing, None
        _take_over(session, grown.base)
    try:
        for base in session.bases:
            for name, file in base.files.items():
                file.into(folder / f"base-{base.at}-{name}")
    finally:
        if grown is not None:
            grown.let_go()


def _due(session: Session) -> bool:
    bases, end = session.bases, session.log.end
    of_scheme = bool(bases) and bases[-1].scheme == session.scheme.sha256
    since = end - (bases[-1].at if of_scheme else session.log.first)
    latest = bases[-1].known_at if bases else session.began
    aged = session.live and since > 0 and session.known_at - latest >= BASE_MS
    return since >= session.policy.base_rows or aged


def _take_over(session: Session, grown: Base) -> None:
    """One base a month stays, and the last one; a base of an older scheme came too late."""
    if not grown.files or grown.scheme != session.scheme.sha256 or grown.at < session.log.first:
        return
    bases = session.bases
    if len(bases) > 1 and bases[-1].known_at - bases[-2].known_at < BASE_MS:
        bases.pop()
    bases.append(grown)


def _enter_again(session: Session, start: int) -> None:
    """The newest generation of ids, from the rows themselves."""
    session.ids_from, ids, key = start, session.ids, session.room.secret.key
    for at, columns in session.log.pieces(start, session.log.end):
        high, low = hashing.identities(columns["id"], key)
        known = columns["known_at"].astype(np.int64)
        everything = np.ones(len(high), np.bool_)
        ids.enter(high, low, incoming.bodies(columns, key), known, everything, at)


def restore_base(state: FeatureState, base: Base) -> None:
    """Put a base's files where the features' state reads them."""
    with tempfile.TemporaryDirectory(prefix="loupe-fraud-") as name:
        for file, kept in base.files.items():
            (Path(name) / file).symlink_to(kept.place)
        state.restore(Path(name))

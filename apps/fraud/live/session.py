"""One session: what one writer knows of a project's live transactions, or of one uploaded file.

Everything here is a deterministic function of the requests, in their order: the engine journals
them, so a session that is restored and told the rest again answers bit for bit the same.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import FEATURE
from apps.fraud.features.state import FeatureState
from apps.fraud.live import hashing, incoming
from apps.fraud.live.bases import Base, Growing
from apps.fraud.live.changes import Change, Changes, Entry, Labels, NewScheme
from apps.fraud.live.known_ids import CONFLICT, NEW, REPEATED, KnownIds
from apps.fraud.live.limits import MAX_PENDING, Policy
from apps.fraud.live.log import Log
from apps.fraud.live.replay import apply_change, feed_again
from apps.fraud.live.ring_view import RingView
from apps.fraud.refusals import refusal
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.payload import JsonValue

LIVE = "live"
REBUILT_ROWS = 8_192
"""Of the log, fed to the features of a new scheme with each request."""
Array = NDArray[np.generic]


@dataclass(frozen=True)
class Secret:
    """What identifiers are hashed with."""

    key: hashing.Key
    features: bytes


@dataclass
class Rebuild:
    """Features of a new scheme on their way through the log."""

    scheme: Scheme
    state: FeatureState
    at: int
    changes: int


@dataclass
class Room:
    """What sessions share: threads for work in the background, and where snapshots lie.

    Attributes:
        worker: for what the writer may come to wait for.
        compactor: for what nobody waits for; None: the worker does that too.
        tail_writer: for what a snapshot that is due waits for; None: the same.
    """

    secret: Secret
    worker: ThreadPoolExecutor
    near: Path | None = None
    compactor: ThreadPoolExecutor | None = None
    tail_writer: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """End the threads: what is under way comes to its end, what waits for them does not."""
        for threads in (self.worker, self.compactor, self.tail_writer):
            if threads is not None:
                threads.shutdown(cancel_futures=True)


@dataclass
class Session:
    """The state of one session; see `rows`, `change`."""

    project: str
    name: str
    scheme: Scheme
    policy: Policy
    room: Room
    state: FeatureState = field(init=False)
    about: dict[str, JsonValue] = field(init=False)
    """By what features are told now: the scheme's hash, and their names."""
    pending: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Labels that came before their transaction: the label, and when it was known."""
    starts: list[int] = field(default_factory=list)
    ids_from: int = 0
    began: int = 0
    known_at: int = 0
    bases: list[Base] = field(default_factory=list)
    """The last one is fed on from after a start; the others keep the past replayable."""
    growing: Growing | None = None
    rebuild: Rebuild | None = None
    ring_view: RingView | None = None
    """Follows the log once somebody has asked for rings."""

    def __post_init__(self) -> None:
        self.state = self.new_state(self.scheme)
        horizon, room = self.policy.horizon_ms if self.live else None, self.room
        self.ids = KnownIds(horizon, room.worker, room.compactor)
        self.log = Log(room.secret.key, room.worker, room.near, room.compactor, room.tail_writer)
        self.changes = Changes()
        self._note_scheme()

    @property
    def live(self) -> bool:
        """Whether it takes transactions as they happen."""
        return self.name == LIVE

    @property
    def mode(self) -> str:
        """How the features take time: "arrival" live, "event_time" for a file."""
        return self.state.mode

    def new_state(self, scheme: Scheme) -> FeatureState:
        """Empty features of a scheme."""
        return FeatureState(
            scheme,
            mode="arrival" if self.live else "event_time",
            secret=self.room.secret.features,
        )

    def follow(self, scheme: Scheme, policy: Policy, rows: int) -> None:
        """Take notice of what the project declares now.

        A file keeps the scheme it began with. Live, a new scheme's features are made from the log
        beside the old ones, `REBUILT_ROWS` and the request's rows at each request; when they have
        caught up, they answer. So the moment is a function of the requests alone.
        """
        self.policy = policy
        if not self.live:
            return
        self.ids.horizon = np.int64(policy.horizon_ms)
        if scheme is self.scheme or scheme == self.scheme:
            if self.rebuild is not None:
                self.rebuild = None
                self.log.close_part()
            return
        if self.rebuild is None or self.rebuild.scheme != scheme:
            self.log.close_part()
            self.rebuild = Rebuild(scheme, self.new_state(scheme), self.log.first, 0)
        self._rebuild_on(REBUILT_ROWS + rows)

    def rows(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Score's first half: enter transactions and tell their features.

        Returns:
            the events' columns with ``sequence`` (−1: refused), ``late``, ``history``,
            ``repeated``, ``refused`` (a code or nothing) and ``feature.<name>``.

        Raises:
            InputRefused: it is no batch; or it is one transaction alone, and that one is refused.
        """
        columns, refused = incoming.normalised(arrays, self.scheme, live=self.live)
        if self.rebuild is not None:
            more, also = incoming.normalised(arrays, self.rebuild.scheme, live=self.live)
            columns = {**columns, **more}
            refused = np.where(refused == "", also, refused)
        key = self.room.secret.key
        high, low = hashing.identities(columns["id"], key)
        verdicts = self.ids.enter(
            high, low, incoming.bodies(columns, key), columns["known_at"].view(np.int64),
            refused == "", self.log.end,
        )  # fmt: skip
        refused[(verdicts.kinds == CONFLICT) & (refused == "")] = "duplicate_id"
        if len(refused) == 1 and refused[0]:
            raise refusal(str(columns["id"][0]), str(refused[0]))
        taken = (verdicts.kinds == NEW) & (refused == "")
        names = self.state.names
        told = _Told.empty(len(refused), len(names))
        if taken.any():
            mine = columns if taken.all() else {n: c[taken] for n, c in columns.items()}
            self._label_pending(mine)
            fed = self.state.feed(mine)
            told.put(taken, fed.values, fed.late, fed.history)
            if not self.live:
                self.starts.append(self.log.end)
            self.log.append({**mine, "late": fed.late, "history": fed.history}, names, fed.values)
            if taken.all():
                columns = mine
            for name in ("label", "label_known_at"):
                columns[name][taken] = mine[name]
            self.began = self.began or int(mine["known_at"].min())
            self.known_at = max(self.known_at, int(mine["known_at"].max()))
        sequences = np.where(refused == "", verdicts.sequences, -1)
        repeated = (verdicts.kinds == REPEATED) & (refused == "")
        if repeated.any():
            self._repeat(repeated, sequences, told, columns)
        if self.ring_view is not None:
            self.ring_view.follow(self.log)
        if self.growing is not None:
            self.growing.ended()
        if self.ids.freeze_if_full(self.room.near):
            self.ids_from = self.log.end
        return {
            **columns, "sequence": sequences, "late": told.late, "history": told.history,
            "repeated": repeated, "refused": refused,
            **{FEATURE + name: row for name, row in zip(names, told.across(), strict=True)},
        }  # fmt: skip

    def change(self, change: Change) -> "Changed":
        """Take labels or an entry of a list.

        Labels whose transaction has not come wait for it, where there is room.
        """
        unheard = self._keep_pending(change) if isinstance(change, Labels) else []
        self.changes.append(self.log.end, change)
        if self.rebuild is not None and self.rebuild.at == self.log.end:
            self._rebuild_on(0)
        return Changed(apply_change(self.state, change), unheard)

    def tidy(self) -> None:
        """Begin what the policy asks for: compact what is old, drop what is older still.

        Rows go up to the last base before the time of retention, so that what is left can be
        replayed to the same bits.
        """
        self.log.near = self.room.near
        self.log.join_older_than(self._told_until())
        if self.policy.retention_ms is None:
            return
        cut = self.known_at - self.policy.retention_ms
        old = [base for base in self.bases if base.known_at <= cut and base is not self.bases[-1]]
        if old and self.rebuild is None:
            self.bases = self.bases[self.bases.index(old[-1]) :]
            self.log.drop_before(old[-1].at)
            self.ids.forget_before(self.log.first)

    def compact(self) -> int:
        """Begin to compact one more stretch of what is old enough; no answer changes by it.

        Returns:
            how many segments that are old enough still hold their features.
        """
        self.log.near = self.room.near
        return self.log.join_older_than(self._told_until(), least=1)

    def scheme_at(self, sequence: int) -> Scheme:
        """By which scheme the features of a transaction were told."""
        found = self.scheme
        for at, change in self.changes.since():
            if at > sequence:
                break
            if isinstance(change, NewScheme):
                found = Scheme.model_validate_json(change.scheme)
        return found

    def close(self) -> None:
        """Nobody asks for it any more."""
        if self.growing is not None:
            self.growing.give_up()
        if self.ring_view is not None:
            self.ring_view.close()

    def nbytes(self) -> int:
        """Bytes of memory of features and ids; the log's newest rows come to it."""
        states = self.state.nbytes() + (self.rebuild.state.nbytes() if self.rebuild else 0)
        return states + self.ids.nbytes

    def _told_until(self) -> int:
        """Rows that were known before this time need their features in the log no longer."""
        return self.known_at - max(self.policy.features_ms, self.policy.horizon_ms)

    def _repeat(
        self, rows: NDArray[np.bool_], sequences: NDArray[np.int64], told: "_Told",
        columns: dict[str, Array],
    ) -> None:  # fmt: skip
        """Answer what came before as it was answered then."""
        names = [FEATURE + name for name in self.state.names]
        also = ("late", "history", "known_at", "amount", "label", "label_known_at")
        found = self.log.rows(sequences[rows], [*also, *names])
        values = np.stack([found[name] for name in names], axis=1).astype(np.float32)
        told.put(rows, values, found["late"].astype(np.bool_), found["history"])
        for name in ("known_at", "amount", "label", "label_known_at"):
            columns[name][rows] = found[name]

    def _label_pending(self, columns: dict[str, Array]) -> None:
        if not self.pending:
            return
        labels, due = columns["label"].view(np.int64), columns["label_known_at"].view(np.int64)
        known = columns["known_at"].view(np.int64)
        for row, name in enumerate(columns["id"].tolist()):
            label = self.pending.pop(name, None)
            if label is not None and labels[row] < 0:
                labels[row], due[row] = label[0], max(label[1], int(known[row]))

    def _keep_pending(self, told: Labels) -> list[int]:
        """Keep labels without a transaction; returns which found no room."""
        full: list[int] = []
        if not told.ids:
            return full
        ids = np.array(told.ids, np.str_)
        unknown = np.flatnonzero(self.ids.find(*hashing.identities(ids, self.room.secret.key)) < 0)
        for n in unknown.tolist():
            if told.labels[n] not in (0, 1):
                self.pending.pop(told.ids[n], None)
            elif told.ids[n] in self.pending or len(self.pending) < MAX_PENDING:
                self.pending[told.ids[n]] = (told.labels[n], told.known_at[n])
            else:
                full.append(n)
        return full

    def _rebuild_on(self, rows: int) -> None:
        """Feed a part of the log to the new features; they take over once they have all of it."""
        rebuild = self.rebuild
        if rebuild is None:
            return
        stop = min(rebuild.at + rows, self.log.end)
        rebuild.changes += feed_again(
            rebuild.state, self.log, self.changes.since(rebuild.changes), rebuild.at, stop
        )
        rebuild.at = stop
        if stop == self.log.end:
            self.log.close_part()
            self.scheme, self.state, self.rebuild = rebuild.scheme, rebuild.state, None
            self._note_scheme()

    def _note_scheme(self) -> None:
        self.about = {
            "scheme_sha256": self.scheme.sha256, "feature_names": list(self.state.names),
        }  # fmt: skip
        self.changes.append(self.log.end, NewScheme(self.scheme.model_dump_json()))


@dataclass(frozen=True)
class Changed:
    """What came of a change: how many of its parts count from now on, and the places of labels
    that neither have a transaction nor found room to wait for it."""

    counted: int
    unheard: list[int]


@dataclass
class _Told:
    """What is told about each row of a request; of refused rows nothing."""

    values: NDArray[np.float32]
    late: NDArray[np.bool_]
    history: NDArray[np.int64]

    @classmethod
    def empty(cls, rows: int, features: int) -> "_Told":
        return cls(
            np.full((rows, features), np.nan, np.float32), np.zeros(rows, np.bool_),
            np.zeros(rows, np.int64),
        )  # fmt: skip

    def put(
        self, rows: NDArray[np.bool_], values: NDArray[np.float32], late: Array, history: Array
    ) -> None:
        if rows.all():
            self.values, self.late = values, late.astype(np.bool_)
            self.history = history.astype(np.int64)
            return
        self.values[rows], self.late[rows], self.history[rows] = values, late, history

    def across(self) -> NDArray[np.float32]:
        """[features, rows], each feature's numbers together."""
        return np.ascontiguousarray(self.values.T)


__all__ = ["LIVE", "Base", "Changed", "Entry", "Rebuild", "Room", "Secret", "Session", "refusal"]

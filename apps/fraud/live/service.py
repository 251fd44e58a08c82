"""The live service: one writer for the transactions of all projects, kept by the engine.

A request says in its `meta` what it is:

    kind        "rows" (the default), "labels", "list", "session_end"
    project     the project's id
    session     "live", or a job's id: a file's transactions, by the time of their events
    context     ``scheme`` (a `Scheme` as JSON), ``policy`` (a `Policy`); both may be missing

and `ask` answers questions (`apps.fraud.live.questions`). docs/fraud.md tells the forms.
"""

import secrets
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from apps.fraud.features.hashing import SECRET_BYTES
from apps.fraud.live import hashing, questions, storing, telling
from apps.fraud.live.bases import remove_left_over
from apps.fraud.live.limits import MAX_GONE, MAX_SESSIONS, MAX_STATE_BYTES, Policy
from apps.fraud.live.session import LIVE, Room, Secret, Session
from apps.fraud.live.warming import warm
from apps.fraud.scheme import CARD_PAYMENTS, Scheme
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.urgency import yield_to_others

_REMEMBERED = 64
"""Declarations of projects that are kept parsed."""


class FraudService:
    """See `loupe.contract.runtime.steps.Service`."""

    def __init__(self) -> None:
        warm()
        worker = ThreadPoolExecutor(1, thread_name_prefix="fraud log")
        secret = Secret(hashing.new_key(), secrets.token_bytes(SECRET_BYTES))
        # The folder of snapshots is told with the first of them.
        compactor = ThreadPoolExecutor(
            1, thread_name_prefix="fraud compaction", initializer=yield_to_others
        )
        tail_writer = ThreadPoolExecutor(1, thread_name_prefix="fraud log's newest")
        self._room = Room(secret, worker, Path(tempfile.gettempdir()), compactor, tail_writer)
        self._sessions: dict[tuple[str, str], Session] = {}
        """The one used longest ago first."""
        self._gone: dict[tuple[str, str], None] = {}
        self._declared: dict[bytes, tuple[Scheme, Policy]] = {}

    def apply(self, request: Payload) -> Payload:
        """Answer one request.

        Raises:
            InputRefused: it cannot be used; the state is as it was.
        """
        kind = request.meta.get("kind", "rows")
        if kind == "session_end":
            return self._end(request)
        if kind not in ("rows", "labels", "list"):
            raise InputRefused(
                f"kind is {kind!r}; send 'rows', 'labels', 'list' or 'session_end'.",
                code="unknown_kind",
            )
        session = self._session(request)
        if kind == "rows":
            answer = session.rows(request.arrays)
            return Payload(arrays=answer, meta=dict(session.about))
        if kind == "list":
            counted = session.change(telling.entry(request)).counted
            return Payload(meta={"counted": counted, **session.about})
        change, refused = telling.labels(request)
        changed = session.change(change)
        places = [row for row in range(len(change.ids) + len(refused)) if row not in refused]
        refused |= {places[n]: telling.unheard(places[n]) for n in changed.unheard}
        said: list[JsonValue] = [
            {"row": row, "code": refused[row].code, "why": refused[row].message}
            for row in sorted(refused)
        ]
        return Payload(meta={"counted": changed.counted, "refused": said, **session.about})

    def ask(self, request: Payload) -> Payload:
        """Answer a question; nothing changes.

        Raises:
            InputRefused: there is no such question, project or session.
        """
        place = _place(request.meta)
        session = self._sessions.get(place)
        if session is None:
            return questions.of_nothing(request)
        return questions.answer(session, request)

    def figures(self) -> dict[str, float]:
        """Of all sessions together, for the metrics page; see `loupe.contract.runtime.steps`."""
        sessions = list(self._sessions.values())
        return {
            "sessions": len(sessions),
            "transactions": sum(one.log.end - one.log.first for one in sessions),
            "entities": sum(one.state.entities for one in sessions),
            "memory_bytes": sum(one.nbytes() for one in sessions),
            "rows_waiting": sum(one.log.waiting for one in sessions),
            "waited_seconds": sum(one.log.waited_s for one in sessions),
            "pending_labels": sum(len(one.pending) for one in sessions),
        }

    def settled(self) -> bool:
        """Whether a snapshot would take little now; see `loupe.contract.runtime.steps`."""
        told = [session.log.settled() for session in self._sessions.values()]
        return all(told)

    def snapshot(self, folder: Path) -> None:
        """Write the whole state below `folder`."""
        self._room.near = folder.parent
        written = []
        for number, session in enumerate(self._sessions.values()):
            session.log.near = folder.parent
            below = folder / str(number)
            below.mkdir()
            written.append(storing.write(session, below))
        storing.write_manifest(folder, storing.Whole(self._room.secret, written, list(self._gone)))
        for number, session in enumerate(self._sessions.values()):
            storing.begin_base(session, folder, number)
            session.tidy()

    def restore(self, folder: Path) -> None:
        """Read what `snapshot` wrote.

        Raises:
            InputRefused: the snapshot is damaged.
        """
        whole = storing.read_manifest(folder)
        remove_left_over(folder.parent)
        self._room = replace(self._room, secret=whole.secret, near=folder.parent)
        self._sessions, self._gone = {}, dict.fromkeys(whole.gone)
        for number, one in enumerate(whole.sessions):
            session = storing.read(one, folder / str(number), self._room)
            storing.resume(session, one)
            self._sessions[one.project, one.name] = session

    def close(self) -> None:
        """End what runs beside: nothing is asked or written any more. What is on the disk stays."""
        for session in self._sessions.values():
            session.close()
        self._sessions = {}
        self._room.close()

    def _session(self, request: Payload) -> Session:
        place = _place(request.meta)
        scheme, policy = self._declaration(request.meta.get("context"))
        session = self._sessions.pop(place, None)
        if session is None:
            if place in self._gone:
                raise InputRefused(
                    "What was known of this file's earlier transactions had to make room for "
                    "other files; send the file again.",
                    code="session_gone",
                )
            self._make_room()
            session = Session(*place, scheme, policy, self._room)
        self._sessions[place] = session
        session.follow(scheme, policy, len(request.arrays.get("id", ())))
        return session

    def _make_room(self) -> None:
        """Let go of files that were worked on longest ago, until one more session fits.

        Raises:
            InputRefused: live sessions alone are too many, or too large.
        """
        held = sum(session.nbytes() for session in self._sessions.values())
        while len(self._sessions) >= MAX_SESSIONS or held > MAX_STATE_BYTES:
            oldest = next((place for place in self._sessions if place[1] != LIVE), None)
            if oldest is None:
                raise InputRefused(
                    f"The live service keeps {len(self._sessions)} live sessions of "
                    f"{held / 2**30:.1f} GiB; {MAX_SESSIONS} and {MAX_STATE_BYTES / 2**30:.0f} GiB "
                    "are allowed. Shorten what projects keep, or run a second engine.",
                    code="live_memory",
                )
            held -= self._sessions[oldest].nbytes()
            self._let_go(oldest)

    def _let_go(self, place: tuple[str, str]) -> None:
        """Forget a session, and remember that it was there."""
        self._gone[place] = None
        if len(self._gone) > MAX_GONE:
            del self._gone[next(iter(self._gone))]
        self._sessions.pop(place).close()

    def _declaration(self, context: JsonValue) -> tuple[Scheme, Policy]:
        told: dict[str, Any] = context if isinstance(context, dict) else {}
        known = msgspec.json.encode([told.get("scheme"), told.get("policy")])
        if known not in self._declared:
            try:
                scheme = Scheme.model_validate(told.get("scheme") or CARD_PAYMENTS)
                policy = Policy.model_validate(told.get("policy") or {})
            except ValidationError as error:
                first = error.errors()[0]
                raise InputRefused(
                    f"The project's declaration cannot be used: {first['loc']}: {first['msg']}.",
                    code="declaration",
                ) from error
            if len(self._declared) >= _REMEMBERED:
                self._declared.clear()
            self._declared[known] = scheme, policy
        return self._declared[known]

    def _end(self, request: Payload) -> Payload:
        place = _place(request.meta)
        if place[1] == LIVE:
            raise InputRefused(
                "The live session of a project does not end; name a job's session.",
                code="session_live",
            )
        there = place in self._sessions
        if there:
            self._let_go(place)
        return Payload(meta={"ended": there})


def _place(meta: Mapping[str, JsonValue]) -> tuple[str, str]:
    place = meta.get("project", ""), meta.get("session", LIVE)
    if not all(isinstance(part, str) and len(part) <= 200 for part in place):
        raise InputRefused(
            "project and session must be texts of at most 200 characters.", code="session_name"
        )
    return str(place[0]), str(place[1])

"""Live services: exact state with one writer, journaled before it answers.

The writer thread takes what has queued up, appends it to the journal with one sync, applies it in
order and answers. The state after a kill is the latest snapshot plus the journal's tail, replayed;
a request whose id is known gets the answer it got before.
"""

import gc
import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Service, load
from loupe.engine import contexts, together
from loupe.engine.answers import Answer, Answers, pack
from loupe.engine.errors import EngineFault, QueueFull, RequestRefused
from loupe.engine.journal import MAX_ID, Journal
from loupe.engine.pieces import Deadline
from loupe.engine.repository import sync
from loupe.engine.snapshots import Snapshots

log = logging.getLogger(__name__)

_LATEST = 1024
_PATIENCE = 1.25
"""Of a snapshot's limits: so long a service may have it wait for a better moment."""
_SHARES = (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When to write a snapshot, and how many requests may wait or share one sync.

    Attributes:
        snapshot_requests, snapshot_bytes, answer_bytes: so many requests, bytes of journal or bytes
            of answers since the last snapshot make the next one.
    """

    snapshot_requests: int = 5000
    snapshot_bytes: int = 256 * 2**20
    answer_bytes: int = 1 * 2**30
    waiting: int = 256
    together: int = 64


@dataclass
class _Request:
    request_id: str
    payload: Payload
    body: bytes
    context: contexts.Context | None
    deadline: Deadline
    future: Future[Payload]
    accepted: float = field(default_factory=time.perf_counter)


@dataclass
class _Question:
    payload: Payload
    deadline: Deadline
    future: Future[Payload]


class LiveService:
    """The service `run` names, with its state below `folder`.

    Attributes:
        ready: done when the state is restored; holds the error when it cannot be.
    """

    def __init__(self, run: str, folder: Path, limits: Limits | None = None) -> None:
        self.run = run
        self.folder = folder
        self.limits = limits or Limits()
        self.ready: Future[None] = Future()
        self.sequence = 0
        self.repeated = 0
        self._visible_s: deque[float] = deque(maxlen=_LATEST)
        self._queue: deque[_Request | _Question] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._since_requests = 0
        self._since_bytes = 0
        self._since_answered = 0
        self._thread = threading.Thread(target=self._serve, name=f"service {run}", daemon=True)
        self._thread.start()

    def apply(self, request_id: str, payload: Payload, deadline: Deadline) -> Future[Payload]:
        """Queue one request; the future has the answer once it is safe on the disk.

        The future raises `TemporarilyUnavailable` (``disk_full``) when the journal takes no more;
        the state has not moved then. `payload` must stay unchanged until the future is done.

        Raises:
            RequestRefused: the id is empty or too long.
            QueueFull: too many requests wait.
            TemporarilyUnavailable: the state is being restored, or could not be.
        """
        if not request_id or "\0" in request_id or len(request_id.encode()) > MAX_ID:
            raise RequestRefused(f"A request id has 1 to {MAX_ID} bytes and no U+0000.")
        self._check_ready()
        named, context = contexts.taken_out(payload)
        body = together.pack(named)
        return self._queued(_Request(request_id, payload, body, context, deadline, Future()))

    def ask(self, payload: Payload, deadline: Deadline) -> Future[Payload]:
        """Queue one question; it is answered between requests and leaves no trace.

        Raises:
            RequestRefused: the service answers no questions.
            QueueFull, TemporarilyUnavailable: as `apply` does.
        """
        self._check_ready()
        if not hasattr(self._service, "ask"):
            raise RequestRefused(f"The service {self.run} answers no questions.", code="no_ask")
        return self._queued(_Question(payload, deadline, Future()))

    def _queued(self, work: _Request | _Question) -> Future[Payload]:
        with self._changed:
            if self._closing:
                raise TemporarilyUnavailable("The engine is stopping; try again.", code="stopping")
            if len(self._queue) >= self.limits.waiting:
                raise QueueFull(
                    f"{len(self._queue)} requests wait for this service, the most it keeps; try "
                    "again later."
                )
            self._queue.append(work)
            self._changed.notify()
        return work.future

    def freshness_ms(self) -> dict[str, float]:
        """Quantiles, over the latest requests, of the time from a request's acceptance until the
        state that the next one sees has it; empty before the first."""
        seen = sorted(self._visible_s.copy())
        if not seen:
            return {}
        return {
            name: seen[min(len(seen) - 1, int(share * len(seen)))] * 1e3 for name, share in _SHARES
        }

    def figures(self) -> dict[str, float]:
        """What the service says of its state; empty where it says nothing, or is not ready."""
        told = getattr(getattr(self, "_service", None), "figures", None)
        if told is None or not self.ready.done():
            return {}
        try:
            return {str(name): float(value) for name, value in told().items()}
        except (
            Exception
        ):  # an app's code may raise anything; a page of figures is no reason to fail
            log.warning("service %s has no figures", self.run, exc_info=True)
            return {}

    def close(self) -> None:
        """Answer what waits, write a snapshot, stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _check_ready(self) -> None:
        if not self.ready.done():
            raise TemporarilyUnavailable(
                "The service is still restoring its state; try again in a moment.", code="restoring"
            )
        error = self.ready.exception()
        if error is not None:
            raise TemporarilyUnavailable(
                f"The service could not restore its state: {error}", code="service_failed"
            ) from error

    def _serve(self) -> None:
        try:
            self._restore()
        except Exception as error:  # the reason goes to every caller through `ready`
            log.exception("service %s could not restore its state", self.run)
            self.ready.set_exception(error)
            return
        # What a service has loaded by now stays; looking it over again and again would hold a
        # request up for a quarter of a second.
        gc.collect()
        gc.freeze()
        self.ready.set_result(None)
        while batch := self._take():
            self._answer(batch)
            if self._filled() >= 1 and (self._settled() or self._filled() >= _PATIENCE):
                self._snapshot()
        if self._since_requests:
            self._snapshot()
        close = getattr(self._service, "close", None)
        if close is not None:
            close()
        self._journal.close()
        self._answers.close()

    def _filled(self) -> float:
        """How far the limits of a snapshot are used up; 1: it is due."""
        return max(
            self._since_requests / self.limits.snapshot_requests,
            self._since_bytes / self.limits.snapshot_bytes,
            self._since_answered / self.limits.answer_bytes,
        )

    def _settled(self) -> bool:
        told = getattr(self._service, "settled", None)
        return told is None or bool(told())

    def _take(self) -> list[_Request | _Question]:
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            count = min(len(self._queue), self.limits.together)
            return [self._queue.popleft() for _ in range(count)]

    def _restore(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._snapshots = Snapshots(self.folder)
        self._service: Service = load(self.run)()
        start = self._snapshots.restore_latest(self._service)
        self._answers = Answers(self.folder)
        self._answers.restore(start)
        self._contexts = contexts.Contexts()
        self.sequence = start
        # More than one journal is left where a snapshot was cut short; all of them count.
        for path in sorted(self.folder.glob("journal-*.log")):
            journal = Journal(path)
            self._replay(journal)
            journal.close()
        paths = sorted(self.folder.glob("journal-*.log"))
        # `_contexts` knows those of the last one, which is written on.
        self._journal = Journal(paths[-1] if paths else self._journal_path(start))
        sync(self.folder)

    def _replay(self, journal: Journal) -> None:
        self._contexts.begin()
        for record in journal.records():
            if self._contexts.read(record):
                continue
            if record.sequence != self.sequence:
                continue  # part of the snapshot
            _, block = self._apply(self._contexts.put_back(together.unpack(record.body)))
            self._answers.put(record.sequence, [(record.request_id, block)])
            self.sequence += 1
            self._since_requests += 1
            self._since_bytes += record.length
            self._since_answered += len(block)

    def _answer(self, batch: list[_Request | _Question]) -> None:
        """Journal what is new with one sync, then apply and answer in order; questions last."""
        new: dict[str, _Request] = {}
        later: list[_Request] = []
        questions: list[_Question] = []
        for request in batch:
            if not request.future.set_running_or_notify_cancel():
                continue
            if isinstance(request, _Question):
                questions.append(request)
            elif request.request_id in new:
                later.append(request)
            elif (known := self._answers.get(request.request_id)) is not None:
                self.repeated += 1
                _settle(request, known)
            elif self._in_time(request):
                new[request.request_id] = request
        fresh = list(new.values())
        if fresh and self._write(fresh):
            answers = []
            for request in fresh:
                answers.append(self._apply(request.payload))
                self._visible_s.append(time.perf_counter() - request.accepted)
            blocks = [block for _, block in answers]
            ids = [request.request_id for request in fresh]
            self._answers.put(self.sequence, list(zip(ids, blocks, strict=True)))
            self.sequence += len(fresh)
            self._since_answered += sum(map(len, blocks))
            for request, (answer, _) in zip(fresh, answers, strict=True):
                _settle(request, answer)
        for request in later:
            known = self._answers.get(request.request_id)
            self.repeated += known is not None
            _settle(request, known or _disk_full("the request it repeats was not kept"))
        for question in questions:
            if self._in_time(question):
                _settle(question, self._answer_to(question.payload))

    def _answer_to(self, question: Payload) -> Answer:
        try:
            answer: Payload = self._service.ask(question)  # type: ignore[attr-defined]
        except LoupeError as error:
            return error
        except Exception as error:  # an app's code may raise anything; the service goes on
            log.exception("service %s failed at a question", self.run)
            return EngineFault(f"The service failed: {type(error).__name__}: {error}.")
        return answer

    def _in_time(self, request: _Request | _Question) -> bool:
        try:
            request.deadline.check()
        except LoupeError as error:
            _settle(request, error)
            return False
        return True

    def _write(self, requests: list[_Request]) -> bool:
        needed = self._contexts.missing([request.context for request in requests])
        records = [context.record for context in needed]
        records += [
            (self.sequence + n, request.request_id, request.body)
            for n, request in enumerate(requests)
        ]
        before = self._journal.size
        try:
            self._journal.append(records)
            self._journal.sync(before)
        except OSError as error:
            log.warning("the journal of %s takes no more: %s", self.run, error)
            for request in requests:
                _settle(request, _disk_full(str(error)))
            return False
        self._contexts.written(needed)
        self._since_requests += len(requests)
        self._since_bytes += self._journal.size - before
        return True

    def _apply(self, payload: Payload) -> tuple[Answer, bytes]:
        """The service's answer, and the answer as it is recorded."""
        answer: Answer
        try:
            answer = self._service.apply(payload)
            return answer, pack(answer)
        except LoupeError as error:
            answer = error
        except Exception as error:
            # Deterministic code fails the same way on replay, so the failure is an answer too.
            log.exception("service %s failed", self.run)
            answer = EngineFault(f"The service failed: {type(error).__name__}: {error}.")
        return answer, pack(answer)

    def _snapshot(self) -> None:
        """Write the state and begin a new journal; a full disk leaves the old one in use."""
        self._since_requests = self._since_bytes = self._since_answered = 0
        try:
            self._answers.sync()
            self._snapshots.write(self._service, self.sequence)
            self._answers.rotate(self.sequence)
            journal = Journal(self._journal_path(self.sequence))
            sync(self.folder)
        except Exception:  # the state itself is safe in the journal, so the service goes on
            log.exception("no snapshot of %s", self.run)
            return
        old, self._journal = self._journal, journal
        self._contexts.begin()
        for path in self.folder.glob("journal-*.log"):
            if path != journal.path:
                path.unlink()
        if old.path != journal.path:
            old.let_go()
        self._snapshots.remove_before(self.sequence)

    def _journal_path(self, start: int) -> Path:
        return self.folder / f"journal-{start:020d}.log"


def _settle(request: _Request | _Question, answer: Answer) -> None:
    if isinstance(answer, LoupeError):
        request.future.set_exception(answer)
    else:
        request.future.set_result(answer)


def _disk_full(detail: str) -> TemporarilyUnavailable:
    return TemporarilyUnavailable(
        f"The request could not be written down and was not applied ({detail}); free disk space "
        "and send it again.",
        code="disk_full",
    )

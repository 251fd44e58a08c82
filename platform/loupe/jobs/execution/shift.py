"""One task's work: claim, compute in threads, store in groups, until the time is over.

Threads compute; only the calling thread talks to the database. It claims, renews leases, stores.
"""

import logging
import time
from collections import deque
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import OperationalError

from loupe.jobs import claims, context
from loupe.jobs.claims import About, Claim
from loupe.jobs.execution.bench import THREADS, Bench
from loupe.jobs.execution.item import work_on
from loupe.jobs.execution.outcomes import Finished, Postponed
from loupe.jobs.execution.store import store
from loupe.jobs.limits import CLAIM_SIZE, FINISH_SECONDS, STORE_AGAIN_SECONDS
from loupe.jobs.models import Item
from loupe.plugins import registry as apps

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What came of a shift. `more`: it ended for lack of time, not of work."""

    stored: int
    postponed: int
    more: bool


class Shift:
    """Works for about `seconds` on items of `apps`, taking jobs in turn."""

    def __init__(self, bench: Bench, apps: Collection[str], seconds: float) -> None:
        self._bench = bench
        self._apps = apps
        self._until = time.monotonic() + seconds
        self._ready: deque[tuple[Claim, Item]] = deque()
        self._begun: dict[Future[Finished], tuple[Claim, Item]] = {}
        self._finished: list[Finished] = []
        self._stored_at = time.monotonic()
        self._renewed_at = time.monotonic()
        self._asked_at = 0.0
        self._dry = False
        self._tally = {"stored": 0, "postponed": 0}

    def run(self) -> Tally:
        """Work until there is nothing to do or the time is over."""
        with ThreadPoolExecutor(THREADS, thread_name_prefix="item") as threads:
            try:
                self._loop(threads)
            finally:
                self._hand_back()
        return Tally(more=not self._dry, **self._tally)

    def _loop(self, threads: ThreadPoolExecutor) -> None:
        while True:
            self._refill()
            while self._ready and len(self._begun) < THREADS and self._time_left():
                claim, item = self._ready.popleft()
                self._begun[threads.submit(work_on, self._bench, claim, item)] = (claim, item)
            if not self._begun:
                self._store()
                if self._dry or not self._time_left():
                    return
                continue
            self._collect()
            self._renew()
            if time.monotonic() - self._stored_at > FINISH_SECONDS or not self._begun:
                self._store()

    def _time_left(self) -> bool:
        return time.monotonic() < self._until

    def _refill(self) -> None:
        """Claim ahead, so that threads never wait for the database. A suspect stays alone."""
        if self._dry or len(self._ready) >= THREADS or not self._time_left():
            return
        busy = bool(self._begun or self._ready)
        if any(claim.suspect for claim, _ in [*self._begun.values(), *self._ready]):
            return
        if self._tally["postponed"]:
            # Something is missing: trying the next items would only postpone them as well.
            self._dry = True
            return
        if busy and time.monotonic() - self._asked_at < FINISH_SECONDS:
            return
        claim = claims.claim(self._apps, CLAIM_SIZE, suspects=not busy)
        if claim is not None:
            claim = informed(claim)
            self._ready.extend((claim, item) for item in claim.items)
        elif busy:
            self._asked_at = time.monotonic()
        else:
            self._dry = True

    def _collect(self) -> None:
        patience = min(FINISH_SECONDS, settings.LEASE_SECONDS / 4)
        ended, _ = wait(self._begun, timeout=patience, return_when=FIRST_COMPLETED)
        for future in ended:
            del self._begun[future]
            finished = future.result()
            self._finished.append(finished)
            self._tally["postponed"] += isinstance(finished.outcome, Postponed)

    def _renew(self) -> None:
        """Keep the leases; items that are no longer ours are not begun."""
        if time.monotonic() - self._renewed_at < settings.LEASE_SECONDS / 3:
            return
        self._renewed_at = time.monotonic()
        waiting = [(done.claim, done.item) for done in self._finished]
        held: set[int] = set()
        for claim in {
            claim.token: claim for claim, _ in [*self._ready, *self._begun.values(), *waiting]
        }.values():
            held |= claims.renew(claim)
        self._ready = deque((claim, item) for claim, item in self._ready if item.pk in held)

    def _store(self) -> None:
        """Store what is finished; a database that cannot write is given some time."""
        self._stored_at = time.monotonic()
        if not self._finished:
            return
        for pause in (*STORE_AGAIN_SECONDS, None):
            try:
                self._tally["stored"] += store(self._finished)
                break
            except OperationalError as error:
                log.warning("results could not be stored: %s", error)
                if pause is None:
                    raise
                time.sleep(pause)
        self._finished = []
        self._stored_at = time.monotonic()

    def _hand_back(self) -> None:
        """Queue again what was claimed and not begun, or done and impossible to store.

        What hangs in a thread is not handed back: its lease runs out, and that is counted.
        """
        by_claim: dict[object, tuple[Claim, list[int]]] = {}
        unstored = [(done.claim, done.item) for done in self._finished]
        for claim, item in [*self._ready, *unstored]:
            by_claim.setdefault(claim.token, (claim, []))[1].append(item.pk)
        self._ready.clear()
        for claim, ids in by_claim.values():
            claims.hand_back(claim, ids)


def informed(claim: Claim) -> Claim:
    """The claim with what the app says of its project; asked here: it may ask the database."""
    job = claim.job
    try:
        facts = job.submission.facts
        told = context.told(apps.get(job.app), job.project_id, str(job.pk), facts)
        return replace(claim, about=About(told=told))
    except OperationalError:
        raise
    except Exception as error:
        # The border to an app's code: every item of the claim ends with what it raised.
        log.exception("the context of job %s could not be had", job.pk)
        return replace(claim, about=About(trouble=error))

"""The trainer's loop: claim, prepare, watch, harvest; one run at a time on each device.

Preparing and harvesting copy many files, so they run on threads of their own while the loop goes
on renewing leases.
"""

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db import OperationalError, close_old_connections, connections

from loupe.blobs import room
from loupe.blobs.errors import DiskFull
from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable
from loupe.engine import repository
from loupe.training import claims, places
from loupe.training.atwork import Child
from loupe.training.harvest import harvest
from loupe.training.models import Run
from loupe.training.preparing import Prepared, prepare

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
CLAIM_AGAIN_SECONDS = 1.0
WRITE_SECONDS = 1.0
SWEEP_SECONDS = 3600.0
POSTPONED_SECONDS = 20.0
CANCEL_GRACE_SECONDS = 20.0
"""How long a child may take to hear that it was cancelled before it is killed."""


class Work:
    """One claimed run, from its preparation to its end."""

    def __init__(self, run: Run, device: str, pool: ThreadPoolExecutor) -> None:
        self.run = run
        self.device = device
        self._pool = pool
        self.child: Child | None = None
        self.prepared: Prepared | None = None
        self.lost = False  # the lease is no longer ours: it was cancelled
        self.full: DiskFull | None = None
        self._doing: Future[Any] | None = self._begin(lambda: prepare(run))
        self.over = False

    def _begin(self, what: Callable[[], Any]) -> Future[Any]:
        def done_on_a_thread() -> Any:
            try:
                return what()
            finally:
                connections.close_all()

        return self._pool.submit(done_on_a_thread)

    def look(self) -> None:
        """Take the run one step further where something has happened."""
        if self._doing is not None:
            if self._doing.done():
                self._done(self._doing)
        elif self.child is not None:
            self._watch(self.child)

    def _done(self, doing: Future[Any]) -> None:
        """Preparing or harvesting has ended."""
        self._doing = None
        error = doing.exception()
        if error is not None:
            self._broke(error)
        elif self.prepared is not None:
            if doing.result():
                # It is done: nothing of its folder is needed any more.
                shutil.rmtree(places.folder_of(self.run), ignore_errors=True)
            self.over = True
        elif self.lost:
            self.over = True
        else:
            self.prepared = doing.result()
            self.child = Child(self.run, self.prepared, self.device)

    def _broke(self, error: BaseException) -> None:
        """Preparing or harvesting did not work."""
        self.over = True
        if isinstance(error, LoupeError) and (
            isinstance(error, DiskFull) or not isinstance(error, TemporarilyUnavailable)
        ):
            claims.fail(self.run, error.code, error.message)
        elif isinstance(error, (OperationalError, TemporarilyUnavailable)):
            log.warning("run %s waits: %s", self.run.pk, error)
            claims.postpone(self.run, POSTPONED_SECONDS, str(error))
        else:
            log.error("run %s broke", self.run.pk, exc_info=error)
            claims.fail(
                self.run,
                "internal_error",
                f"Something broke on our side: {type(error).__name__}: {error}. The trainer's log "
                "has the details; resume the run when it is put right.",
            )

    def _watch(self, child: Child) -> None:
        child.hear()
        now = time.monotonic()
        if child.running:
            if child.cancelled_at is not None:
                if now - child.cancelled_at > CANCEL_GRACE_SECONDS:
                    child.kill()
            elif now - child.heard_at > settings.SILENT_SECONDS:
                log.warning("run %s: nothing heard, its child is ended", self.run.pk)
                child.kill()
            return
        child.close()
        self.write()
        self.child = None
        self._conclude(child.ending)

    def _conclude(self, ending: dict[str, Any] | None) -> None:
        if self.lost:
            self.over = True
        elif ending is not None and "done" in ending and self.prepared is not None:
            out = self.prepared.out
            self._doing = self._begin(lambda: harvest(self.run, out))
            return
        elif self.full is not None:
            claims.fail(self.run, self.full.code, self.full.message)
        elif ending is None:
            claims.lose(self.run)
        elif "postponed" in ending:
            claims.postpone(self.run, POSTPONED_SECONDS, str(ending.get("message", "")))
        elif "refused" in ending:
            claims.fail(self.run, str(ending.get("code", "")), str(ending.get("message", "")))
        else:
            why = ending.get("broken", "it said that it was cancelled")
            claims.fail(
                self.run,
                "app_error",
                f"The training broke: {why}. This is a fault of the app; the log below has the "
                "details.",
            )
        self.over = True

    def write(self) -> None:
        """Extend the lease and write what the child said; stop where the run was taken away."""
        said: dict[str, object] = {}
        if self.child is not None:
            said = {"progress": self.child.progress, "note": self.child.note}
            text = places.log_of(self.run)
            if text != self.run.log:
                self.run.log = said["log"] = text
        if not claims.renew(self.run, **said):
            self.lost = True
            if self.child is not None:
                self.child.cancel()
            return
        if self.child is not None and (figures := self.child.take_figures()):
            claims.keep(self.run, figures)
        self._guard_room()

    def _guard_room(self) -> None:
        """Stop before the disk is full: the database needs room more than a training."""
        if self.child is None or self.full is not None:
            return
        try:
            room.require(places.root())
        except DiskFull as error:
            self.full = error
            self.child.cancel()

    def let_go(self) -> None:
        """The trainer stops: the child ends and the run waits for the next one, unblamed."""
        if self.child is not None:
            self.child.kill()
            self.child.close()
            self.write()
        if self._doing is not None:
            self._doing.cancel()
        claims.hand_back(self.run)


class Trainer:
    """Works on one run per device, until it is told to stop."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._devices = tuple(devices)
        self.works: list[Work] = []
        self._pool = ThreadPoolExecutor(max_workers=max(1, len(self._devices)))
        self._claimed_at = self._wrote_at = self._swept_at = float("-inf")
        self.stopping = False

    def run(self) -> None:
        """Until `stopping`; then children are ended and their runs queued again."""
        try:
            while not self.stopping:
                try:
                    self.tick()
                except (OperationalError, TemporarilyUnavailable) as error:
                    log.warning("waiting: %s", error)
                    close_old_connections()
                time.sleep(TICK_SECONDS)
        finally:
            self.stop()

    def stop(self) -> None:
        """End children and hand their runs back."""
        for work in self.works:
            work.let_go()
        self.works.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def tick(self) -> None:
        """One round over everything in work."""
        for work in list(self.works):
            work.look()
            if work.over:
                self.works.remove(work)
        now = time.monotonic()
        if now - self._wrote_at >= min(WRITE_SECONDS, settings.LEASE_SECONDS / 3):
            self._wrote_at = now
            for work in self.works:
                work.write()
        if now - self._claimed_at >= CLAIM_AGAIN_SECONDS:
            self._claimed_at = now
            claims.recover()
            self._claim()
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            places.sweep()
            repository.sweep_unfinished(settings.MODEL_REPOSITORY)

    def _claim(self) -> None:
        busy = {work.device for work in self.works}
        for device in self._devices:
            if device in busy:
                continue
            run = claims.claim(device)
            if run is None:
                return
            self.works.append(Work(run, device, self._pool))

"""The loop of the attendant: claim, watch, store. The only thread that talks to the database."""

import logging
import shutil
import time
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, close_old_connections

from loupe.contract.runtime.errors import LoupeError
from loupe.jobs import claims, recovery
from loupe.jobs.attending.attended import Attended, scratch_of
from loupe.jobs.execution.outcomes import Failed, Finished
from loupe.jobs.execution.store import store
from loupe.jobs.models import UNENDED, Item, ItemState
from loupe.jobs.places import attendant_apps

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
CLAIM_AGAIN_SECONDS = 1.0
CANCEL_GRACE_SECONDS = 5.0
"""How long work may take to hear that it was cancelled before its child is killed."""


class Attendant:
    """Works on up to `at_once` long items at the same time, until it is told to stop."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._attended: list[Attended] = []
        self._renewed_at = time.monotonic()
        self._claimed_at = 0.0
        self.stopping = False

    def run(self) -> None:
        """Until `stopping`; then children are ended and their items queued again, unblamed."""
        sweep_scratch()
        try:
            while not self.stopping:
                try:
                    self.tick()
                except OperationalError as error:
                    log.warning("the database did not answer: %s", error)
                    close_old_connections()
                time.sleep(TICK_SECONDS)
        finally:
            self._let_go()

    def tick(self) -> None:
        """One round over everything in work."""
        for attended in list(self._attended):
            self._watch(attended)
        self._renew()
        while len(self._attended) < self._at_once and self._claim():
            pass

    def _claim(self) -> bool:
        if time.monotonic() - self._claimed_at < CLAIM_AGAIN_SECONDS:
            return False
        claim = claims.claim(attendant_apps(), 1)
        if claim is None:
            self._claimed_at = time.monotonic()
            return False
        try:
            self._attended.append(Attended(claim))
        except LoupeError as error:
            outcome = Failed(code=error.code, message=error.message)
            store([Finished(claim=claim, item=claim.items[0], outcome=outcome)])
        return True

    def _watch(self, attended: Attended) -> None:
        if attended.hear():
            Item.objects.filter(
                pk=attended.item.pk, lease_token=attended.claim.token, state=ItemState.LEASED
            ).update(progress=attended.progress, note=attended.note)
        now = time.monotonic()
        if attended.running:
            if attended.cancelled_at is not None:
                if now - attended.cancelled_at > CANCEL_GRACE_SECONDS:
                    attended.kill()
            elif now - attended.heard_at > settings.SILENT_SECONDS:
                log.warning("item %s: nothing heard, its child is ended", attended.item.pk)
                attended.kill()
            return
        attended.close()
        attended.hear()
        self._end(attended)

    def _end(self, attended: Attended) -> None:
        """Store what came of an item whose child has ended."""
        if attended.cancelled_at is None:
            finished = attended.finished()
            if finished is None:
                recovery.take_back(attended.claim.token)
            else:
                store([finished])
        self._attended.remove(attended)
        if not Item.objects.filter(pk=attended.item.pk, state__in=UNENDED).exists():
            shutil.rmtree(attended.scratch, ignore_errors=True)

    def _renew(self) -> None:
        """Extend the leases; an item that is no longer ours was cancelled, so its child stops."""
        pause = min(settings.LEASE_SECONDS / 3, 2.0)
        if time.monotonic() - self._renewed_at < pause:
            return
        self._renewed_at = time.monotonic()
        for attended in self._attended:
            if not claims.renew(attended.claim):
                attended.cancel()

    def _let_go(self) -> None:
        for attended in self._attended:
            attended.kill()
            attended.close()
            claims.hand_back(attended.claim, [attended.item.pk])
        self._attended.clear()


def sweep_scratch() -> None:
    """Remove folders of items that ended while no attendant was there."""
    root = scratch_of(Item(pk=0)).parent
    if not root.is_dir():
        return
    folders = {int(path.name): path for path in root.iterdir() if path.name.isdigit()}
    alive = set(
        Item.objects.filter(pk__in=list(folders), state__in=UNENDED).values_list("pk", flat=True)
    )
    for item_id, path in folders.items():
        if item_id not in alive:
            shutil.rmtree(Path(path), ignore_errors=True)

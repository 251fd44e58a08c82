"""Work in turns under a lease: claimed by one worker, renewed while it goes on, found when lost.

A turn claims a row, works for a while and gives it back, or ends it. The lease is renewed with
every step and only its holder writes, so a second worker, a killed one or a cancelled piece of
work cannot do harm. `recover` of each kind of work wakes up what nobody holds.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.fraud.models.leased import UNENDED, Leased, WorkState
from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable

MOST_ATTEMPTS = 5
Kind = TypeVar("Kind", bound=Leased)


@dataclass(frozen=True, kw_only=True)
class Leasing(Generic[Kind]):
    """One kind of work.

    Attributes:
        rows: all of it, with what a turn needs beside.
        wake: has a worker go on with one after so many seconds.
        lost: why it failed where workers die over it.
        clear: forgets what was kept for later turns.
    """

    rows: "Callable[[], models.QuerySet[Kind]]"
    wake: Callable[[uuid.UUID, float], None]
    lost: str
    clear: Callable[[Kind], None]

    def turn(self, pk: uuid.UUID, work: Callable[[Kind], bool]) -> None:
        """Work on one for a while; safe to run twice at the same time.

        Args:
            work: goes on, and says whether it came to its end (or somebody ended it).
        """
        row = self.claimed(pk)
        if row is None:
            return
        if row.attempts > MOST_ATTEMPTS:
            self.fail(row, LoupeError(self.lost, code="worker_lost"))
            return
        try:
            ended = work(row)
        except TemporarilyUnavailable as error:
            if row.attempts >= MOST_ATTEMPTS:
                self.fail(row, error)
            else:
                self.release(row)
                self.wake(row.pk, 2.0**row.attempts)
            return
        except LoupeError as error:
            self.fail(row, error)
            return
        if not ended:
            self.release(row)
            self.wake(row.pk, 0.0)
        elif not self._of(row).filter(ended_at=None).exists():
            self.clear(row)

    def recover(self) -> int:
        """Wake up what nobody works on: its worker was killed, or its message was lost.

        Whoever is killed leaves a lease that has not ended yet. What is held is looked at again
        when its lease would have ended, else its next turn would be that of the lost message.

        Returns:
            How many nobody holds.
        """
        now = timezone.now()
        rows = self.rows().filter(state__in=UNENDED, ended_at=None)
        found = dict(rows.values_list("pk", "lease_until"))
        left = {pk: _left(until, now) for pk, until in found.items()}
        for pk, seconds in left.items():
            self.wake(pk, seconds)
        return sum(not seconds for seconds in left.values())

    def claimed(self, pk: uuid.UUID) -> Kind | None:
        """The row with a lease of ours; None: it has ended, or somebody has it."""
        now, token = timezone.now(), uuid.uuid4()
        rows = self.rows().filter(pk=pk, state__in=UNENDED)
        free = rows.filter(models.Q(lease_until=None) | models.Q(lease_until__lt=now))
        taken = free.update(
            state=WorkState.RUNNING,
            lease_token=token,
            lease_until=now + _lease(),
            attempts=F("attempts") + 1,
            started_at=Coalesce(F("started_at"), models.Value(now)),
        )
        found = rows.first()
        if found is not None and not taken and found.lease_until is not None:
            # Its worker may be dead: look again when the lease would have ended.
            self.wake(found.pk, max(1.0, _left(found.lease_until, now)))
        return found if taken else None

    def holding(self, row: Kind, **told: Any) -> bool:
        """Renew the lease and write `told`; False: it was cancelled, or somebody else has it."""
        held = self._of(row).filter(lease_token=row.lease_token, state=WorkState.RUNNING)
        return bool(held.update(lease_until=timezone.now() + _lease(), **told))

    def release(self, row: Kind) -> None:
        """Give it back, for a turn to come."""
        self._of(row).filter(lease_token=row.lease_token).update(lease_token=None, lease_until=None)

    def end(self, row: Kind, **told: Any) -> bool:
        """It is done, with `told`; False: somebody ended it before."""
        held = self._of(row).filter(lease_token=row.lease_token, state=WorkState.RUNNING)
        ended = {"state": WorkState.DONE, "ended_at": timezone.now()}
        return bool(held.update(**ended, lease_token=None, lease_until=None, **told))

    def fail(self, row: Kind, error: LoupeError, **told: Any) -> None:
        """It cannot be done, and why."""
        held = self._of(row).filter(lease_token=row.lease_token, state=WorkState.RUNNING)
        held.update(
            state=WorkState.FAILED,
            ended_at=timezone.now(),
            lease_token=None,
            lease_until=None,
            error_code=error.code,
            error=error.message,
            **told,
        )
        self.clear(row)

    def cancel(self, pk: uuid.UUID) -> bool:
        """Stop it; False: it has ended."""
        rows = self.rows().filter(pk=pk, state__in=UNENDED)
        ended = {"state": WorkState.CANCELLED, "ended_at": timezone.now()}
        return bool(rows.update(**ended, lease_token=None))

    def _of(self, row: Kind) -> "models.QuerySet[Kind]":
        return self.rows().filter(pk=row.pk)


def _left(until: datetime | None, now: datetime) -> float:
    """Seconds until a lease has ended for certain; 0: nobody holds it."""
    if until is None or until < now:
        return 0.0
    return (until - now).total_seconds() + 0.5


def _lease() -> timedelta:
    return timedelta(seconds=settings.LEASE_SECONDS)

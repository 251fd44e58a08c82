"""How often one key or person may call, on both paths, counted in this web process."""

import threading
import time
from collections import OrderedDict

from django.conf import settings

from loupe.accounts.policy import Actor
from loupe.api.errors import RequestRefused

_MOST_CALLERS = 10_000


class Bucket:
    """A token bucket per caller: `rate` calls a second on average, twice as many in a burst."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, now: float | None = None) -> float:
        """Take one token; returns 0, or the seconds to wait when there is none."""
        now = time.monotonic() if now is None else now
        burst = 2 * self.rate
        with self._lock:
            left, since = self._left.pop(caller, (burst, now))
            left = min(burst, left + (now - since) * self.rate)
            wait = 0.0 if left >= 1 else (1 - left) / self.rate
            self._left[caller] = (left if wait else left - 1, now)
            if len(self._left) > _MOST_CALLERS:
                self._left.popitem(last=False)
        return wait


_bucket = Bucket(settings.API_RATE)


def spend(actor: Actor) -> None:
    """Count one call of `actor`.

    Raises:
        RequestRefused: too many; ``Retry-After`` says when to come back.
    """
    wait = _bucket.take(actor.label)
    if wait:
        raise RequestRefused(
            f"Too many requests: {_bucket.rate:g} a second are allowed per caller "
            "(LOUPE_API_RATE); wait as long as Retry-After says.",
            code="throttled",
            headers={"Retry-After": str(max(1, round(wait)))},
        )


def set_rate(rate: float) -> None:
    """Start counting afresh at another rate (tests, and a changed setting)."""
    global _bucket
    _bucket = Bucket(rate)

"""Whose turn it is: weighted fair turns by the time that models really took.

Start-time fair queueing (Goyal, Vin and Cheng, 1996): each model's turns are counted in seconds
divided by its share, and the one that is furthest behind is next. A model that comes back after a
pause begins where the others are: time it did not want is not owed to it. While models want more
than there is, what each gets differs from its share by at most about one call of each.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

FIRST_GUESS_S = 0.001
"""What a model's first call is thought to take, until it has ended."""
_SMOOTHING = 0.2


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One call under way; `guess_s` of it is in the ledger already."""

    model: str
    guess_s: float


class Shares:
    """The ledger of one device. It has neither clock nor lock: its user brings both.

    Args:
        share_of: the weight of a model.
    """

    def __init__(self, share_of: Callable[[str], float]) -> None:
        self._share_of = share_of
        self._virtual: dict[str, float] = {}
        self._reached = 0.0
        self._waiting: frozenset[str] = frozenset()
        self._running: dict[str, int] = {}
        self._call_s: dict[str, float] = {}
        self.used_s: dict[str, float] = {}

    def next(self, waiting: Iterable[str]) -> str:
        """The model whose turn it is, of those with work waiting; a tie goes to the first name.

        Raises:
            ValueError: none waits.
        """
        now = frozenset(waiting)
        for model in now - self._waiting:
            if not self._running.get(model):
                self._virtual[model] = max(self._virtual.get(model, 0.0), self._reached)
        self._waiting = now
        chosen = min(now, key=lambda model: (self._virtual[model], model))
        self._reached = max(self._reached, self._virtual[chosen])
        return chosen

    def begin(self, model: str) -> Turn:
        """A call of the model begins; what it should take is entered at once, so that other
        threads choose by it."""
        guess = self._call_s.get(model, FIRST_GUESS_S)
        self._enter(model, guess)
        self._running[model] = self._running.get(model, 0) + 1
        return Turn(model=model, guess_s=guess)

    def end(self, turn: Turn, seconds: float) -> None:
        """It took so long."""
        model = turn.model
        self._enter(model, seconds - turn.guess_s)
        self._running[model] -= 1
        known = self._call_s.get(model, seconds)
        self._call_s[model] = known + _SMOOTHING * (seconds - known)
        self.used_s[model] = self.used_s.get(model, 0.0) + seconds

    @property
    def running(self) -> int:
        """Calls under way on the device."""
        return sum(self._running.values())

    def observed(self) -> dict[str, float]:
        """What each model took of all time so far, as parts of one."""
        total = sum(self.used_s.values())
        return {model: used / total for model, used in self.used_s.items()} if total else {}

    def _enter(self, model: str, seconds: float) -> None:
        self._virtual[model] = self._virtual.get(model, self._reached) + seconds / self._share_of(
            model
        )

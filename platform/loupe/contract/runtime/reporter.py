"""How long work tells the host that it lives, and hears that it should stop."""

from typing import Protocol

from loupe.contract.runtime.payload import JsonValue


class Reporter(Protocol):
    """Handed to long work. Every call is a heartbeat."""

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Report `done` of `total` units.

        Raises:
            Cancelled: the work was cancelled; let it propagate.
        """

    def metrics(self, values: dict[str, JsonValue]) -> None:
        """Report named figures of this moment (a loss, a rate)."""

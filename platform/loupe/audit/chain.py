"""Checks the chain from its first event to its last."""

from collections.abc import Callable
from dataclasses import dataclass

from loupe.audit.models import Event
from loupe.audit.services import GENESIS, digest


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a check found.

    Attributes:
        events: how many were checked.
        head: the hash of the last one; noted elsewhere, it also proves that none was cut off.
        broken_at: the id of the first event that does not fit; None: all do.
        why: a sentence about it.
    """

    events: int
    head: str
    broken_at: int | None = None
    why: str = ""


def verify(known_head: str | None = None, each: Callable[[int], None] | None = None) -> Verdict:
    """Recompute every hash.

    Args:
        known_head: a hash noted earlier that must still be in the chain.
        each: called with the count after every thousand events.
    """
    head, count, met = GENESIS, 0, known_head in {None, GENESIS}
    for event in Event.objects.order_by("pk").iterator(chunk_size=1000):
        if event.previous_hash != head:
            why = f"Event {event.pk} does not follow the event before it: one is missing or moved."
            return Verdict(events=count, head=head, broken_at=event.pk, why=why)
        if digest(event) != event.hash:
            why = f"Event {event.pk} was changed after it was written."
            return Verdict(events=count, head=head, broken_at=event.pk, why=why)
        head = event.hash
        count += 1
        met = met or head == known_head
        if each is not None and count % 1000 == 0:
            each(count)
    if not met:
        why = f"No event has the hash {known_head}: events after it, or all, were cut off."
        return Verdict(events=count, head=head, broken_at=0, why=why)
    return Verdict(events=count, head=head)

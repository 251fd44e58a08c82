"""Windows over events by their definition, in Python's integers: slow, exact, kept simple."""

from collections.abc import Sequence

from core_kernels.structures.windows import SQUARE_SHIFT, Entity


def windowed_state(
    entity: Entity,
    times: Sequence[int],
    keys: Sequence[int],
    amounts: Sequence[int],
    labels: Sequence[int],
    known: Sequence[int],
    others: Sequence[int],
) -> list[list[int]]:
    """For each event, in order of arrival and not descending in time, the numbers of `entity`.

    A window of length w at an event of time t holds the events of its entity in (t − w, t] that
    arrived no later than it. A risk window holds those in (t − delay − w, t − delay] that arrived
    before it: how many it has seen, how many of them have a label that is known at t, and how many
    of these are frauds. The event itself is in none, whatever the delay: its label is what a risk
    is to foretell.

    Returns:
        a row per event, its numbers in the order of `Entity.answers`.
    """
    told = []
    for n, (now, key) in enumerate(zip(times, keys, strict=True)):
        mine = [e for e in range(n + 1) if keys[e] == key]
        row = [now - times[mine[-2]] if len(mine) > 1 else -1]
        for window in entity.windows:
            held = [e for e in mine if times[e] > now - window]
            squares = sum(amounts[e] ** 2 for e in held)
            row += [len(held), sum(amounts[e] for e in held)]
            row += [squares >> SQUARE_SHIFT, squares % (1 << SQUARE_SHIFT)]
            if entity.other is not None:
                row.append(len({others[e] for e in held}))
            if entity.extremes:
                row += [min(amounts[e] for e in held), max(amounts[e] for e in held)]
        for window in entity.risk_windows:
            end = now - (entity.delay or 0)
            seen = [e for e in mine if e != n and end - window < times[e] <= end]
            ready = [e for e in seen if labels[e] >= 0 and known[e] <= now]
            row += [len(seen), len(ready), sum(labels[e] for e in ready)]
        told.append(row)
    return told

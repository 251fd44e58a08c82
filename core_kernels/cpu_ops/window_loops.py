"""Windows over the events of an entity, in integers: every event is added once and taken out once.

Each window is a pointer into the entity's log; it moves over what has become too old and takes that
out of the sums, so the work per event does not depend on the length of the windows. Squares are
kept in two parts, so they are exact. The largest and smallest amounts come from one queue of
candidates (positions whose amount no later one exceeds) that all windows of the entity share. An
entry whose other id came again is marked, so a window counts distinct ids without a set of its own.
A label that is known when its event passes the delay is counted there; one that is known later
waits in a heap.
"""

import numpy as np

from core_kernels.compiling import inlined, lean, prefetch
from core_kernels.cpu_ops.window_hash import pair
from core_kernels.cpu_ops.window_labels import enter, pop, push
from core_kernels.structures.windows import (
    AMOUNT,
    ARENA,
    BASE,
    ENTRY,
    FREE,
    HEAD,
    LAST,
    MOST_LIVE,
    NEVER,
    OTHER,
    PAIRS,
    PASSED,
    PENDING,
    PER_RISK,
    PER_WINDOW,
    ROOM,
    SQUARE_SHIFT,
    TAG,
    TAIL,
    TIME,
    WINDOW,
)

_HALF = SQUARE_SHIFT // 2
_LOW_HALF = (1 << _HALF) - 1

#: How many events ahead log entries are asked for; heads twice as far.
_AHEAD = 6
_LOW = (1 << SQUARE_SHIFT) - 1

#: Numba lets a signed index count from the end, which costs a comparison and a choice at each
#: access; an unsigned one cannot.
_at = np.uint64


@lean
def _block(room, counters, arena):
    """The base of a block of `room` entries, or −1 where the arena is full."""
    size = 0
    while (1 << size) < room:
        size += 1
    base = counters[FREE + size]
    if base >= 0:
        counters[FREE + size] = arena[_at(ENTRY * base)]
        return base
    base = counters[ARENA]
    if ENTRY * (base + room) > len(arena):
        return -1
    counters[ARENA] += room
    return base


@lean
def _enlarge(h, heads, arena, queues, extremes_at, counters):
    """Move a log to a block of twice the size; False where the arena is full."""
    room, base = heads[_at(h + ROOM)], heads[_at(h + BASE)]
    wanted = max(2 * room, 4)
    new = _block(wanted, counters, arena)
    if new < 0:
        return False
    for position in range(heads[_at(h + TAIL)], heads[_at(h + HEAD)]):
        for field in range(ENTRY):
            arena[_at(ENTRY * (new + (position & (wanted - 1))) + field)] = arena[
                _at(ENTRY * (base + (position & (room - 1))) + field)
            ]
    if extremes_at > 0:
        for side in range(2):
            q = h + extremes_at + 2 * side
            for place in range(heads[_at(q)], heads[_at(q + 1)]):
                queues[new + (place & (wanted - 1)), side] = queues[
                    base + (place & (room - 1)), side
                ]
    if room > 0:
        size = 0
        while (1 << size) < room:
            size += 1
        arena[_at(ENTRY * base)] = counters[FREE + size]
        counters[FREE + size] = base
    heads[_at(h + BASE)] = new
    heads[_at(h + ROOM)] = wanted
    return True


@inlined
def _advance(h, now, heads, arena, windows, risk_at, risks, delay):
    """Move every pointer of an entity to `now`."""
    base, mask, head = heads[_at(h + BASE)], heads[_at(h + ROOM)] - 1, heads[_at(h + HEAD)]
    tail = head
    for w in range(len(windows)):
        f = h + WINDOW + PER_WINDOW * w
        first, oldest = heads[_at(f)], now - windows[w]
        if first < head and arena[_at(ENTRY * (base + (first & mask)) + TIME)] <= oldest:
            total, high = heads[_at(f + 1)], heads[_at(f + 2)]
            low, distinct = heads[_at(f + 3)], heads[_at(f + 4)]
            while first < head:
                entry = ENTRY * (base + (first & mask))
                if arena[_at(entry + TIME)] > oldest:
                    break
                amount = arena[_at(entry + AMOUNT)]
                size = abs(amount)
                top, rest = size >> _HALF, size & _LOW_HALF
                cross = 2 * top * rest
                part = ((cross & _LOW_HALF) << _HALF) + rest * rest
                total -= amount
                high -= top * top + (cross >> _HALF) + (part >> SQUARE_SHIFT)
                low -= part & _LOW
                distinct -= 1 - ((arena[_at(entry + TAG)] >> 2) & 1)
                first += 1
            heads[_at(f)], heads[_at(f + 1)], heads[_at(f + 2)] = first, total, high
            heads[_at(f + 3)], heads[_at(f + 4)] = low, distinct
        tail = min(tail, first)
    if len(risks) == 0:
        heads[_at(h + TAIL)] = tail
        return
    passed = heads[_at(h + PASSED)]
    labelled = frauds = 0
    while passed < head:
        entry = ENTRY * (base + (passed & mask))
        if arena[_at(entry + TIME)] > now - delay:
            break
        code = arena[_at(entry + TAG)] & 3
        labelled += (code + 1) >> 1
        frauds += code >> 1
        passed += 1
    heads[_at(h + PASSED)] = passed
    for r in range(len(risks)):
        f = h + risk_at + PER_RISK * r
        first, oldest = heads[_at(f)], now - delay - risks[r]
        gone, bad = heads[_at(f + 1)] + labelled, heads[_at(f + 2)] + frauds
        while first < passed:
            entry = ENTRY * (base + (first & mask))
            if arena[_at(entry + TIME)] > oldest:
                break
            code = arena[_at(entry + TAG)] & 3
            gone -= (code + 1) >> 1
            bad -= code >> 1
            first += 1
        heads[_at(f)], heads[_at(f + 1)], heads[_at(f + 2)] = first, gone, bad
        tail = min(tail, first)
    heads[_at(h + TAIL)] = tail


@inlined
def queue(h, position, heads, arena, queues, extremes_at):
    """Enter an event among the candidates for the largest and the smallest amount."""
    base, mask = heads[_at(h + BASE)], heads[_at(h + ROOM)] - 1
    amount = arena[_at(ENTRY * (base + (position & mask)) + AMOUNT)]
    for side in range(2):
        q = h + extremes_at + 2 * side
        first, end = heads[_at(q)], heads[_at(q + 1)]
        while first < end and queues[base + (first & mask), side] < heads[_at(h + TAIL)]:
            first += 1
        while first < end:
            last = queues[base + ((end - 1) & mask), side]
            last = arena[_at(ENTRY * (base + (last & mask)) + AMOUNT)]
            if (last < amount) if side else (last > amount):
                end -= 1
                continue
            if last == amount:
                end -= 1
            break
        queues[base + (end & mask), side] = position
        heads[_at(q)] = first
        heads[_at(q + 1)] = end + 1


@inlined
def _extreme(h, side, oldest, heads, arena, queues, extremes_at):
    """The smallest (side 0) or largest amount at positions from `oldest`; 0 without any."""
    base, mask = heads[_at(h + BASE)], heads[_at(h + ROOM)] - 1
    q = h + extremes_at + 2 * side
    low, high, end = heads[_at(q)], heads[_at(q + 1)], heads[_at(q + 1)]
    while low < high:
        middle = (low + high) >> 1
        if queues[base + (middle & mask), side] < oldest:
            low = middle + 1
        else:
            high = middle
    if low == end:
        return 0
    return arena[_at(ENTRY * (base + (queues[base + (low & mask), side] & mask)) + AMOUNT)]


@inlined
def _add(
    h, row, now, amount, tag, other, distinct, heads, arena, windows, pairs, pairs_before, counters
):
    """Append an event whose entry there is room for, and add it to every window."""
    base, mask, head = heads[_at(h + BASE)], heads[_at(h + ROOM)] - 1, heads[_at(h + HEAD)]
    entry = ENTRY * (base + (head & mask))
    arena[_at(entry + TIME)] = now
    arena[_at(entry + AMOUNT)] = amount
    arena[_at(entry + TAG)] = tag
    arena[_at(entry + OTHER)] = other
    before = -1
    if distinct:
        slot = pair(pairs, pairs_before, row, other, counters)
        if pairs[slot, 0] == 0:
            counters[PAIRS] += 1
            pairs[slot, 0] = row + 1
            pairs[slot, 1] = other
        else:
            before = pairs[slot, 2]
            if before >= heads[_at(h + TAIL)]:
                arena[_at(ENTRY * (base + (before & mask)) + TAG)] |= 4
        pairs[slot, 2] = head
    size = abs(amount)
    top, rest = size >> _HALF, size & _LOW_HALF
    cross = 2 * top * rest
    low = ((cross & _LOW_HALF) << _HALF) + rest * rest
    high = top * top + (cross >> _HALF) + (low >> SQUARE_SHIFT)
    low &= _LOW
    for w in range(len(windows)):
        f = h + WINDOW + PER_WINDOW * w
        heads[_at(f + 1)] += amount
        heads[_at(f + 2)] += high
        heads[_at(f + 3)] += low
        if before < heads[_at(f)]:
            heads[_at(f + 4)] += 1
    heads[_at(h + HEAD)] = head + 1
    heads[_at(h + LAST)] = now


@inlined
def _tell(
    h, now, since, distinct, heads, arena, queues, extremes_at, windows, risk_at, risks, out, o
):
    out[_at(o)] = since
    c = o + 1
    head = heads[_at(h + HEAD)]
    for w in range(len(windows)):
        f = h + WINDOW + PER_WINDOW * w
        out[_at(c)] = head - heads[_at(f)]
        out[_at(c + 1)] = heads[_at(f + 1)]
        out[_at(c + 2)] = heads[_at(f + 2)] + (heads[_at(f + 3)] >> SQUARE_SHIFT)
        out[_at(c + 3)] = heads[_at(f + 3)] & _LOW
        c += 4
        if distinct:
            out[_at(c)] = heads[_at(f + 4)]
            c += 1
        if extremes_at > 0:
            out[_at(c)] = _extreme(h, 0, heads[_at(f)], heads, arena, queues, extremes_at)
            out[_at(c + 1)] = _extreme(h, 1, heads[_at(f)], heads, arena, queues, extremes_at)
            c += 2
    for r in range(len(risks)):
        f = h + risk_at + PER_RISK * r
        out[_at(c)] = heads[_at(h + PASSED)] - heads[_at(f)]
        out[_at(c + 1)] = heads[_at(f + 1)]
        out[_at(c + 2)] = heads[_at(f + 2)]
        c += 3


@inlined
def _fetch(n, rows, stride, heads, arena, windows, risk_at, risks):
    """Ask for the memory of events to come, so that it is there when their turn is."""
    if n + 2 * _AHEAD < len(rows):
        h = rows[n + 2 * _AHEAD] * stride
        for field in range(0, stride, 8):
            prefetch(heads, h + field)
        h = rows[n + _AHEAD] * stride
        base, mask = heads[_at(h + BASE)], heads[_at(h + ROOM)] - 1
        prefetch(arena, ENTRY * (base + (heads[_at(h + HEAD)] & mask)))
        for w in range(len(windows)):
            first = heads[_at(h + WINDOW + PER_WINDOW * w)]
            prefetch(arena, ENTRY * (base + (first & mask)))
        if len(risks) > 0:
            prefetch(arena, ENTRY * (base + (heads[_at(h + PASSED)] & mask)))
            for r in range(len(risks)):
                first = heads[_at(h + risk_at + PER_RISK * r)]
                prefetch(arena, ENTRY * (base + (first & mask)))


@lean
def feed(
    start, sequence, times, aside, rows, others, amounts, labels, known, distinct, delay, windows,
    risk_at, risks, extremes_at, stride, heads, arena, queues, pending, pairs, pairs_before,
    counters, out, width,
):  # fmt: skip
    """Work on the events from `start`; returns how far it came: short where the arena is full.

    A negative number is −1 − the event whose entity has too many live events.
    """
    for n in range(start, len(times)):
        now, row = times[n], rows[n]
        h = row * stride
        _fetch(n, rows, stride, heads, arena, windows, risk_at, risks)
        while counters[PENDING] > 0 and pending[0, 0] <= now:
            enter(pending[0, 1], pending[0, 2], pending[0, 3], heads, stride, arena, risk_at, risks)
            pop(pending, counters)
        _advance(h, now, heads, arena, windows, risk_at, risks, delay)
        head = heads[_at(h + HEAD)]
        since = now - heads[_at(h + LAST)] if heads[_at(h + LAST)] > NEVER else -1
        if not aside[n]:
            if head - heads[_at(h + TAIL)] == heads[_at(h + ROOM)]:
                if heads[_at(h + ROOM)] >= MOST_LIVE:
                    return -1 - n
                if not _enlarge(h, heads, arena, queues, extremes_at, counters):
                    return n
            code = 0
            if len(risks) > 0 and labels[n] >= 0:
                if known[n] <= now + delay:
                    code = np.int64(labels[n]) + 1
                else:
                    push(pending, counters, known[n], row, head, np.int64(labels[n]) + 1)
            other = others[n] if distinct else 0
            tag = ((sequence + n) << 3) | code
            _add(
                h, row, now, amounts[n], tag, other, distinct, heads, arena, windows, pairs,
                pairs_before, counters,
            )  # fmt: skip
            if extremes_at > 0:
                queue(h, head, heads, arena, queues, extremes_at)
        _tell(
            h, now, since, distinct, heads, arena, queues, extremes_at, windows, risk_at, risks,
            out, n * width,
        )  # fmt: skip
    return len(times)


@lean
def requeue(heads, stride, count, arena, queues, extremes_at):
    """Make the queues of candidates anew from the logs."""
    for row in range(count):
        h = row * stride
        for field in range(4):
            heads[_at(h + extremes_at + field)] = 0
        for position in range(heads[_at(h + TAIL)], heads[_at(h + HEAD)]):
            queue(h, position, heads, arena, queues, extremes_at)

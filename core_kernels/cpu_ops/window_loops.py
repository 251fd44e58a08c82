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

from core_kernels.compiling import compiled, inlined, prefetch
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


@compiled
def _block(room, counters, arena):
    """The base of a block of `room` entries, or −1 where the arena is full."""
    size = 0
    while (1 << size) < room:
        size += 1
    base = counters[FREE + size]
    if base >= 0:
        counters[FREE + size] = arena[ENTRY * base]
        return base
    base = counters[ARENA]
    if ENTRY * (base + room) > len(arena):
        return -1
    counters[ARENA] += room
    return base


@compiled
def _enlarge(h, heads, arena, queues, extremes_at, counters):
    """Move a log to a block of twice the size; False where the arena is full."""
    room, base = heads[h + ROOM], heads[h + BASE]
    wanted = max(2 * room, 4)
    new = _block(wanted, counters, arena)
    if new < 0:
        return False
    for position in range(heads[h + TAIL], heads[h + HEAD]):
        for field in range(ENTRY):
            arena[ENTRY * (new + (position & (wanted - 1))) + field] = arena[
                ENTRY * (base + (position & (room - 1))) + field
            ]
    if extremes_at > 0:
        for side in range(2):
            q = h + extremes_at + 2 * side
            for place in range(heads[q], heads[q + 1]):
                queues[new + (place & (wanted - 1)), side] = queues[
                    base + (place & (room - 1)), side
                ]
    if room > 0:
        size = 0
        while (1 << size) < room:
            size += 1
        arena[ENTRY * base] = counters[FREE + size]
        counters[FREE + size] = base
    heads[h + BASE] = new
    heads[h + ROOM] = wanted
    return True


@inlined
def _advance(h, now, heads, arena, windows, risk_at, risks, delay):
    """Move every pointer of an entity to `now`."""
    base, mask, head = heads[h + BASE], heads[h + ROOM] - 1, heads[h + HEAD]
    tail = head
    for w in range(len(windows)):
        f = h + WINDOW + PER_WINDOW * w
        first, oldest = heads[f], now - windows[w]
        while first < head:
            entry = ENTRY * (base + (first & mask))
            if arena[entry + TIME] > oldest:
                break
            amount = abs(arena[entry + AMOUNT])
            top, rest = amount >> _HALF, amount & _LOW_HALF
            cross = 2 * top * rest
            low = ((cross & _LOW_HALF) << _HALF) + rest * rest
            heads[f + 1] -= arena[entry + AMOUNT]
            heads[f + 2] -= top * top + (cross >> _HALF) + (low >> SQUARE_SHIFT)
            heads[f + 3] -= low & _LOW
            heads[f + 4] -= 1 - ((arena[entry + TAG] >> 2) & 1)
            first += 1
        heads[f] = first
        tail = min(tail, first)
    if len(risks) == 0:
        heads[h + TAIL] = tail
        return
    passed = heads[h + PASSED]
    while passed < head:
        entry = ENTRY * (base + (passed & mask))
        if arena[entry + TIME] > now - delay:
            break
        code = arena[entry + TAG] & 3
        if code:
            for r in range(len(risks)):
                f = h + risk_at + PER_RISK * r
                heads[f + 1] += 1
                heads[f + 2] += code - 1
        passed += 1
    heads[h + PASSED] = passed
    for r in range(len(risks)):
        f = h + risk_at + PER_RISK * r
        first, oldest = heads[f], now - delay - risks[r]
        while first < passed:
            entry = ENTRY * (base + (first & mask))
            if arena[entry + TIME] > oldest:
                break
            code = arena[entry + TAG] & 3
            if code:
                heads[f + 1] -= 1
                heads[f + 2] -= code - 1
            first += 1
        heads[f] = first
        tail = min(tail, first)
    heads[h + TAIL] = tail


@inlined
def queue(h, position, heads, arena, queues, extremes_at):
    """Enter an event among the candidates for the largest and the smallest amount."""
    base, mask = heads[h + BASE], heads[h + ROOM] - 1
    amount = arena[ENTRY * (base + (position & mask)) + AMOUNT]
    for side in range(2):
        q = h + extremes_at + 2 * side
        first, end = heads[q], heads[q + 1]
        while first < end and queues[base + (first & mask), side] < heads[h + TAIL]:
            first += 1
        while first < end:
            last = queues[base + ((end - 1) & mask), side]
            last = arena[ENTRY * (base + (last & mask)) + AMOUNT]
            if (last < amount) if side else (last > amount):
                end -= 1
                continue
            if last == amount:
                end -= 1
            break
        queues[base + (end & mask), side] = position
        heads[q] = first
        heads[q + 1] = end + 1


@inlined
def _extreme(h, side, oldest, heads, arena, queues, extremes_at):
    """The smallest (side 0) or largest amount at positions from `oldest`; 0 without any."""
    base, mask = heads[h + BASE], heads[h + ROOM] - 1
    q = h + extremes_at + 2 * side
    low, high, end = heads[q], heads[q + 1], heads[q + 1]
    while low < high:
        middle = (low + high) >> 1
        if queues[base + (middle & mask), side] < oldest:
            low = middle + 1
        else:
            high = middle
    if low == end:
        return 0
    return arena[ENTRY * (base + (queues[base + (low & mask), side] & mask)) + AMOUNT]


@inlined
def _add(
    h, row, now, amount, tag, other, distinct, heads, arena, windows, pairs, pairs_before, counters
):
    """Append an event whose entry there is room for, and add it to every window."""
    base, mask, head = heads[h + BASE], heads[h + ROOM] - 1, heads[h + HEAD]
    entry = ENTRY * (base + (head & mask))
    arena[entry + TIME] = now
    arena[entry + AMOUNT] = amount
    arena[entry + TAG] = tag
    arena[entry + OTHER] = other
    before = -1
    if distinct:
        slot = pair(pairs, pairs_before, row, other, counters)
        if pairs[slot, 0] == 0:
            counters[PAIRS] += 1
            pairs[slot, 0] = row + 1
            pairs[slot, 1] = other
        else:
            before = pairs[slot, 2]
            if before >= heads[h + TAIL]:
                arena[ENTRY * (base + (before & mask)) + TAG] |= 4
        pairs[slot, 2] = head
    size = abs(amount)
    top, rest = size >> _HALF, size & _LOW_HALF
    cross = 2 * top * rest
    low = ((cross & _LOW_HALF) << _HALF) + rest * rest
    high = top * top + (cross >> _HALF) + (low >> SQUARE_SHIFT)
    low &= _LOW
    for w in range(len(windows)):
        f = h + WINDOW + PER_WINDOW * w
        heads[f + 1] += amount
        heads[f + 2] += high
        heads[f + 3] += low
        if before < heads[f]:
            heads[f + 4] += 1
    heads[h + HEAD] = head + 1
    heads[h + LAST] = now


@inlined
def _tell(
    h, now, since, distinct, heads, arena, queues, extremes_at, windows, risk_at, risks, out, o
):
    out[o] = since
    c = o + 1
    head = heads[h + HEAD]
    for w in range(len(windows)):
        f = h + WINDOW + PER_WINDOW * w
        out[c] = head - heads[f]
        out[c + 1] = heads[f + 1]
        out[c + 2] = heads[f + 2] + (heads[f + 3] >> SQUARE_SHIFT)
        out[c + 3] = heads[f + 3] & _LOW
        c += 4
        if distinct:
            out[c] = heads[f + 4]
            c += 1
        if extremes_at > 0:
            out[c] = _extreme(h, 0, heads[f], heads, arena, queues, extremes_at)
            out[c + 1] = _extreme(h, 1, heads[f], heads, arena, queues, extremes_at)
            c += 2
    for r in range(len(risks)):
        f = h + risk_at + PER_RISK * r
        out[c] = heads[h + PASSED] - heads[f]
        out[c + 1] = heads[f + 1]
        out[c + 2] = heads[f + 2]
        c += 3


@inlined
def _fetch(n, rows, stride, heads, arena, windows, risk_at, risks):
    """Ask for the memory of events to come, so that it is there when their turn is."""
    if n + 2 * _AHEAD < len(rows):
        h = rows[n + 2 * _AHEAD] * stride
        for field in range(0, stride, 8):
            prefetch(heads, h + field)
        h = rows[n + _AHEAD] * stride
        base, mask = heads[h + BASE], heads[h + ROOM] - 1
        prefetch(arena, ENTRY * (base + (heads[h + HEAD] & mask)))
        for w in range(len(windows)):
            first = heads[h + WINDOW + PER_WINDOW * w]
            prefetch(arena, ENTRY * (base + (first & mask)))
        if len(risks) > 0:
            prefetch(arena, ENTRY * (base + (heads[h + PASSED] & mask)))
            for r in range(len(risks)):
                first = heads[h + risk_at + PER_RISK * r]
                prefetch(arena, ENTRY * (base + (first & mask)))


@compiled
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
        head = heads[h + HEAD]
        since = now - heads[h + LAST] if heads[h + LAST] > NEVER else -1
        if not aside[n]:
            if head - heads[h + TAIL] == heads[h + ROOM]:
                if heads[h + ROOM] >= MOST_LIVE:
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


@compiled
def requeue(heads, stride, count, arena, queues, extremes_at):
    """Make the queues of candidates anew from the logs."""
    for row in range(count):
        h = row * stride
        for field in range(4):
            heads[h + extremes_at + field] = 0
        for position in range(heads[h + TAIL], heads[h + HEAD]):
            queue(h, position, heads, arena, queues, extremes_at)

"""Entities that no window knows of any more: their head row and log go, their last time stays.

What goes is zero or empty by then, so an entity that comes back is told what it would have been
told anyway. Positions of a head row go on when another entity gets it: labels that wait and pairs
of the one before lie before its log, and so count nowhere.
"""

from core_kernels.compiling import inlined, lean, prefetch
from core_kernels.cpu_ops.window_hash import ask, found
from core_kernels.structures.windows import (
    BASE,
    ENTITIES,
    ENTRY,
    FREE,
    FREED,
    HEAD,
    IDLE_FREE,
    IDLES,
    KEY,
    LAST,
    NEVER,
    PASSED,
    PER_RISK,
    PER_WINDOW,
    ROOM,
    ROW_FREE,
    SWEPT,
    TAIL,
    WINDOW,
)

#: How many rows ahead what an idle one takes is asked for.
_AHEAD = 12


@lean
def sweep(
    look, most, oldest, hashed, before, heads, idle, stride, windows, risk_at, risks, extremes_at,
    arena, counters,
):  # fmt: skip
    """Look at the next `look` head rows; at most `most` entities without an event after `oldest`
    become idle. The caller has room for them in `idle`."""
    count = counters[ENTITIES]
    flat = hashed.reshape(hashed.size)
    done = 0
    for _ in range(min(look, count)):
        row = counters[SWEPT] if counters[SWEPT] < count else 0
        counters[SWEPT] = row + 1
        if row + _AHEAD < count:
            _fetch((row + _AHEAD) * stride, oldest, flat, len(hashed), heads, arena)
        h = row * stride
        last = heads[h + LAST]
        if last > oldest or last <= NEVER:
            continue
        if done == most:
            return
        done += 1
        _empty(h, heads, stride, windows, risk_at, risks, extremes_at)
        room, base = heads[h + ROOM], heads[h + BASE]
        if room > 0:
            size = 0
            while (1 << size) < room:
                size += 1
            arena[ENTRY * base] = counters[FREE + size]
            counters[FREE + size] = base
        place = counters[IDLE_FREE]
        if place >= 0:
            counters[IDLE_FREE] = idle[place]
        else:
            place = counters[IDLES]
            counters[IDLES] += 1
        idle[place] = last
        hashed[found(hashed, before, heads[h + KEY]), 1] = -1 - place
        heads[h + ROOM] = 0
        heads[h + LAST] = FREED
        heads[h + BASE] = counters[ROW_FREE]
        counters[ROW_FREE] = row


@inlined
def _fetch(h, oldest, flat, slots, heads, arena):
    """Ask for what a row to come takes to become idle."""
    if NEVER < heads[h + LAST] <= oldest:
        ask(flat, slots, heads[h + KEY])
        prefetch(arena, ENTRY * heads[h + BASE])


@lean
def _empty(h, heads, stride, windows, risk_at, risks, extremes_at):
    """Move every pointer of an entity behind its last event."""
    head = heads[h + HEAD]
    for field in range(h + WINDOW, h + stride):
        heads[field] = 0
    heads[h + TAIL] = head
    heads[h + PASSED] = head
    for w in range(len(windows)):
        heads[h + WINDOW + PER_WINDOW * w] = head
    for r in range(len(risks)):
        heads[h + risk_at + PER_RISK * r] = head


@lean
def free_rows(heads, stride, counters):
    """Chain the free head rows of a restored table."""
    for row in range(counters[ENTITIES]):
        if heads[row * stride + LAST] == FREED:
            heads[row * stride + BASE] = counters[ROW_FREE]
            counters[ROW_FREE] = row

"""Labels that become known after their event: a heap of those that wait, by their time."""

import numpy as np

from core_kernels.compiling import inlined, lean
from core_kernels.structures.windows import (
    BASE,
    ENTRY,
    HEAD,
    PASSED,
    PENDING,
    PER_RISK,
    ROOM,
    TAG,
    TAIL,
    TIME,
)


@inlined
def _move(heap, to, origin):
    """Copy one label of the heap: by its numbers, since a row of an array is an object."""
    for field in range(4):
        heap[to, field] = heap[origin, field]


@inlined
def push(heap, counters, known, row, position, code):
    """Let a label wait."""
    child = counters[PENDING]
    counters[PENDING] += 1
    while child > 0:
        parent = (child - 1) >> 1
        if heap[parent, 0] <= known:
            break
        _move(heap, child, parent)
        child = parent
    heap[child, 0] = known
    heap[child, 1] = row
    heap[child, 2] = position
    heap[child, 3] = code


@inlined
def pop(heap, counters):
    """Take the first label away."""
    last = counters[PENDING] - 1
    counters[PENDING] = last
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= last:
            break
        if child + 1 < last and heap[child + 1, 0] < heap[child, 0]:
            child += 1
        if heap[last, 0] <= heap[child, 0]:
            break
        _move(heap, hole, child)
        hole = child
    _move(heap, hole, last)


@inlined
def enter(row, position, code, heads, stride, arena, risk_at, risks):
    """A label is known: it counts in the risk windows that hold its event now."""
    h = row * stride
    if position < heads[h + TAIL] or position >= heads[h + HEAD]:
        return
    entry = ENTRY * (heads[h + BASE] + (position & (heads[h + ROOM] - 1)))
    if arena[entry + TAG] & 3:
        return
    arena[entry + TAG] |= code
    if position < heads[h + PASSED]:
        for r in range(len(risks)):
            f = h + risk_at + PER_RISK * r
            if position >= heads[f]:
                heads[f + 1] += 1
                heads[f + 2] += code - 1


@lean
def learn(
    rows, sequences, labels, known, delay, oldest, stride, heads, arena, pending, counters, taken
):
    """Labels of events fed before; `taken` tells which of them, younger than `oldest`, had none."""
    for n in range(len(rows)):
        if rows[n] < 0:
            continue
        h = rows[n] * stride
        base, mask = heads[h + BASE], heads[h + ROOM] - 1
        low, high = heads[h + TAIL], heads[h + HEAD]
        while low < high:
            middle = (low + high) >> 1
            if arena[ENTRY * (base + (middle & mask)) + TAG] >> 3 < sequences[n]:
                low = middle + 1
            else:
                high = middle
        entry = ENTRY * (base + (low & mask))
        if low == heads[h + HEAD] or arena[entry + TAG] >> 3 != sequences[n]:
            continue
        if arena[entry + TAG] & 3 or arena[entry + TIME] <= oldest:
            continue
        taken[n] = True
        code = np.int64(labels[n]) + 1
        if low >= heads[h + PASSED] and known[n] <= arena[entry + TIME] + delay:
            arena[entry + TAG] |= code
        else:
            push(pending, counters, known[n], rows[n], low, code)

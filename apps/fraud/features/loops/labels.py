"""Labels that wait for the time when they are known: a heap of time, event number and label."""

import numpy as np

from apps.fraud.features.layout import (
    ALL_FRAUDS,
    ALL_LABELLED,
    FRAUDS,
    LABELLED,
    WAITING,
)
from apps.fraud.features.loops.compiling import compiled, inlined


@inlined
def push(heap, counters, known, number, label):
    """Let a label wait."""
    child = counters[WAITING]
    counters[WAITING] += 1
    while child > 0:
        parent = (child - 1) >> 1
        if heap[parent, 0] <= known:
            break
        heap[child] = heap[parent]
        child = parent
    heap[child, 0] = known
    heap[child, 1] = number
    heap[child, 2] = label


@inlined
def _pop(heap, counters):
    last = counters[WAITING] - 1
    counters[WAITING] = last
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= last:
            break
        if child + 1 < last and heap[child + 1, 0] < heap[child, 0]:
            child += 1
        if heap[last, 0] <= heap[child, 0]:
            break
        heap[hole] = heap[child]
        hole = child
    heap[hole] = heap[last]


@compiled
def settle(now, oldest, heap, counters, kept, room, nodes, records):
    """Count the labels known by `now` at every node of their events, from event `oldest` on.

    kept [room, …] holds the rows of an event's `nodes` nodes, −1 for none, from column 1 on.
    """
    while counters[WAITING] > 0 and heap[0, 0] <= now:
        number, label = heap[0, 1], heap[0, 2]
        _pop(heap, counters)
        if number < oldest:
            continue
        place = number % room
        counters[ALL_LABELLED] += 1
        counters[ALL_FRAUDS] += label
        for column in range(1, 1 + nodes):
            row = kept[place, column]
            if row >= 0:
                records[row, LABELLED] += 1
                records[row, FRAUDS] += label


@compiled
def wait(known, numbers, labels, heap, counters):
    """Let labels of earlier events wait."""
    for n in range(len(known)):
        push(heap, counters, known[n], numbers[n], np.int64(labels[n]))

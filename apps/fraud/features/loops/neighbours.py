"""Figures over groups of neighbours, in integers: sums, and the largest damped share of frauds."""

from apps.fraud.features.layout import (
    COUNT,
    DAMP,
    DEGREE,
    EVENTS,
    FRAUDS,
    G_DEGREE,
    G_FRAUDS,
    G_LABELLED,
    G_SUM,
    HALVED,
    LABELLED,
    SUM,
    TOP_FRAUDS,
    TOP_LABELLED,
    WEIGHT,
)
from apps.fraud.features.loops.compiling import compiled, inlined


@inlined
def weight(events):
    """How many events a node's sum of amounts stands for."""
    if events < HALVED:
        return events
    return HALVED // 2 + (events - HALVED) % (HALVED // 2)


@inlined
def _add(row, records, out, at, n):
    """One neighbour more in the group whose figures begin at `at`."""
    labelled, frauds = records[row, LABELLED], records[row, FRAUDS]
    out[at + COUNT, n] += 1
    out[at + G_LABELLED, n] += labelled
    out[at + G_FRAUDS, n] += frauds
    top, of = out[at + TOP_FRAUDS, n], out[at + TOP_LABELLED, n]
    if frauds * (of + DAMP) > top * (labelled + DAMP):
        out[at + TOP_FRAUDS, n] = frauds
        out[at + TOP_LABELLED, n] = labelled
    out[at + WEIGHT, n] += weight(records[row, EVENTS])
    out[at + G_SUM, n] += records[row, SUM]
    out[at + G_DEGREE, n] += records[row, DEGREE]


@compiled
def group(start, length, without, records, rings, out, at, n):
    """The first `length` neighbours of a ring, but for the node `without`."""
    for place in range(start, start + length):
        row = rings[place] - 1
        if row < 0:
            break
        if row != without:
            _add(row, records, out, at, n)


@compiled
def touch(start, length, row, rings):
    """Put a neighbour to the front of a ring; the one that was met longest ago falls out."""
    place = start
    while place < start + length - 1 and rings[place] != row + 1 and rings[place] != 0:
        place += 1
    while place > start:
        rings[place] = rings[place - 1]
        place -= 1
    rings[start] = row + 1

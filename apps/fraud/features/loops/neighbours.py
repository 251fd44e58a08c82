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


@compiled
def group(start, length, without, records, rings, out, at, n):
    """Add the first `length` neighbours of a ring, but for the node `without`, to the group whose
    figures begin at `at`."""
    labelled_all, frauds_all = out[at + G_LABELLED, n], out[at + G_FRAUDS, n]
    top, of = out[at + TOP_FRAUDS, n], out[at + TOP_LABELLED, n]
    count, weights = out[at + COUNT, n], out[at + WEIGHT, n]
    total, degrees = out[at + G_SUM, n], out[at + G_DEGREE, n]
    for place in range(start, start + length):
        row = rings[place] - 1
        if row < 0:
            break
        if row == without:
            continue
        labelled, frauds = records[row, LABELLED], records[row, FRAUDS]
        count += 1
        labelled_all += labelled
        frauds_all += frauds
        if frauds * (of + DAMP) > top * (labelled + DAMP):
            top, of = frauds, labelled
        weights += weight(records[row, EVENTS])
        total += records[row, SUM]
        degrees += records[row, DEGREE]
    out[at + G_LABELLED, n], out[at + G_FRAUDS, n] = labelled_all, frauds_all
    out[at + TOP_FRAUDS, n], out[at + TOP_LABELLED, n] = top, of
    out[at + COUNT, n], out[at + WEIGHT, n] = count, weights
    out[at + G_SUM, n], out[at + G_DEGREE, n] = total, degrees


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

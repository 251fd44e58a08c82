"""Where each number of the network lies in memory: nodes, pairs, labels that wait, and answers."""

from typing import Final

RING: Final = 8
"""Neighbours of one kind that a node keeps: the newest ones, each once."""
HOP: Final = 4
"""Of these, how many the second hop walks on from, and how many it takes at each."""
HALVED: Final = 2**16
"""A node's sum of amounts and its weight are halved whenever the weight reaches this, so that no
sum over neighbours overflows: 2⁴⁰ · 2¹⁶ · 64 < 2⁶³."""

# Of a node's record: one cache line.
KEY: Final = 0  #: of the identifier, mixed with the kind of node
EVENTS: Final = 1  #: so far
SUM: Final = 2  #: of amounts, see `HALVED`
LABELLED: Final = 3  #: events whose label is known
FRAUDS: Final = 4
DEGREE: Final = 5  #: meetings of someone new
LAST: Final = 6  #: time of the newest event
RINGS_AT: Final = 7  #: where its rings begin
RECORD: Final = 8

# Of the counters.
NODES: Final = 0
RINGS: Final = 1  #: numbers of rings handed out
PAIRS: Final = 2  #: in the table that is entered in
WAITING: Final = 3  #: labels whose time has not come
ALL_LABELLED: Final = 4
ALL_FRAUDS: Final = 5
HASH_MOVED: Final = 6  #: slots of the smaller hash that are done with
PAIRS_MOVED: Final = 7  #: the same of pairs
COUNTERS: Final = 8

# Of a pair: key, meetings, time of the newest.
PAIR: Final = 3

# Answers about an event, first those that come once.
TOLD_LABELLED: Final = 0  #: of all
TOLD_FRAUDS: Final = 1
HISTORY: Final = 2  #: the payer's earlier events
RETURNED: Final = 3  #: ms since the payee, as a payer, paid this payer; −1 never
CYCLES: Final = 4  #: payees of the payee who paid this payer
RECEIVED: Final = 5  #: ms since this payer was paid; −1 never
ONCE: Final = 6

# Then of each entity and each segment: labelled, frauds.
PER_NODE: Final = 2

# Then of each entity but the payer.
DEGREE_OF: Final = 0
MET: Final = 1  #: earlier meetings of the two
MET_SINCE: Final = 2  #: ms; −1 never
AROUND: Final = 3  #: here begin the figures of its other payers
OWN: Final = 11  #: of the payer's other entities of this kind
KIN: Final = 19  #: of the payers of those
PER_OTHER: Final = 27

# Of a group of neighbours.
COUNT: Final = 0
G_LABELLED: Final = 1
G_FRAUDS: Final = 2
TOP_FRAUDS: Final = 3  #: of the one with the largest damped share of frauds
TOP_LABELLED: Final = 4
WEIGHT: Final = 5  #: of the sum of amounts
G_SUM: Final = 6
G_DEGREE: Final = 7
DAMP: Final = 5
"""Added to the labelled events of a share of frauds, so that one fraud of one event is not all."""

# At the end, of each category attribute: earlier events of the payer with this value.
PER_CATEGORY: Final = 1

SEGMENTS: Final = 2**16
"""Values of an attribute are told apart by so many buckets."""

"""The graph that ties make in a window of time: payers, what they share, whom of them they pay."""

from dataclasses import dataclass, replace

import numpy as np

from apps.fraud.rings.ties import SHIFT, Ties

WEEK = 7 * 24 * 60
"""Minutes: use of a thing that is spread wider than this says little about those who share it."""


@dataclass(frozen=True)
class Tally:
    """What happened in a stretch of time: ties, and what each payer paid (minor units)."""

    flows: Ties
    uses: Ties
    paid: np.ndarray


@dataclass(frozen=True)
class Past:
    """What all that is known says of ties and entities, whatever the window."""

    tally: Tally
    payer: np.ndarray  # [payers] has paid anything
    otherwise: np.ndarray  # [payers] paid to others than payers, minor units
    sharers: np.ndarray  # [entities]
    near: np.ndarray  # [entities] 0 to 1: how close in time all use of it lies
    span: float  # milliseconds


@dataclass(frozen=True)
class Graph:
    """Capped ties of a window and what they weigh, from 0 to 1.

    `flow_fresh` and `use_fresh` are the shares of all events of a tie that lie in the window.
    `turnover` is what a payer pays and gets from other payers; `deeds` how often a payer used any
    shared kind of entity.
    """

    payers: int
    entities: int
    flows: Ties
    flow_weight: np.ndarray
    flow_fresh: np.ndarray
    uses: Ties
    use_weight: np.ndarray
    use_fresh: np.ndarray
    strong: np.ndarray  # [uses] an instrument rather than a trait
    sharers: np.ndarray  # [uses]
    near: np.ndarray  # [uses]
    paid: np.ndarray  # [payers] minor units
    turnover: np.ndarray  # [payers]
    deeds: np.ndarray  # [payers]
    typical: float  # what is usually paid in such a window, minor units


def past(tally: Tally, known: np.ndarray, entities: int) -> Past:
    """Read the whole tally; `known` says which codes ever paid."""
    flows, uses = tally.flows, tally.uses
    inner = known[flows.right]
    sent = np.bincount(flows.left[inner], flows.amount[inner], len(known))
    first = min(flows.first.min(initial=2**62), uses.first.min(initial=2**62))
    last = max(flows.last.max(initial=0), uses.last.max(initial=0))
    return Past(
        tally=tally,
        payer=known,
        otherwise=np.maximum(tally.paid - sent, 0),
        sharers=np.bincount(uses.right, minlength=entities),
        near=1 / (1 + _spread(uses, entities) / WEEK),
        span=float(max(1, last - first)),
    )


def build(
    window: Tally,
    before: Past,
    length: float,
    instrument: np.ndarray,
    caps: np.ndarray,
    flow_cap: int,
) -> Graph:
    """Cap and weigh the ties of a window.

    A flow weighs the more, the more it is beside what its ends do otherwise; a use, the larger a
    part of a payer's deeds it is and the closer in time all use of the entity lies.

    Args:
        window: what happened in it.
        before: what is known at all.
        length: of the window, milliseconds.
        instrument: whether an entity is one (rather than a trait), by entity code.
        caps: the largest number of payers that may share it, by entity code.
        flow_cap: who pays or is paid by more payers than this joins nobody by it.
    """
    payers, entities = len(before.payer), len(caps)
    flows = window.flows
    flows = flows.take((flows.left != flows.right) & before.payer[flows.right])
    turnover = window.paid + np.bincount(flows.right, flows.amount, payers)
    busy = np.maximum(
        np.bincount(flows.left, minlength=payers), np.bincount(flows.right, minlength=payers)
    )
    flows = flows.take(np.maximum(busy[flows.left], busy[flows.right]) <= flow_cap)
    uses = window.uses
    kind = uses.left * 2 + instrument[uses.right]
    deeds = np.bincount(kind, uses.count, 2 * payers)
    sharers = before.sharers[uses.right]
    kept = (sharers >= 2) & (sharers <= caps[uses.right])
    uses, kind = uses.take(kept), kind[kept]
    near = before.near[uses.right]
    ordinary = before.otherwise * min(1.0, length / before.span)
    typical = float(np.median(ordinary[before.payer])) if before.payer.any() else 0.0
    return Graph(
        payers=payers,
        entities=entities,
        flows=flows,
        flow_weight=_flow_weight(flows, np.maximum(ordinary, typical / 2)),
        flow_fresh=_fresh(flows, before.tally.flows),
        uses=uses,
        use_weight=_use_weight(uses, kind, near, deeds),
        use_fresh=_fresh(uses, before.tally.uses),
        strong=instrument[uses.right],
        sharers=sharers[kept],
        near=near,
        paid=window.paid,
        turnover=turnover,
        deeds=deeds.reshape(payers, 2).sum(1),
        typical=typical,
    )


def shrunk(graph: Graph, least: float) -> tuple[Graph, np.ndarray]:
    """The part of a graph that has ties of at least this weight, and the payers' codes in it.

    Weaker ties among those payers are kept; numbers of payers and entities are new and dense.
    """
    near = np.zeros(graph.payers, np.bool_)
    for ties, weight in ((graph.flows, graph.flow_weight), (graph.uses, graph.use_weight)):
        near[ties.left[weight >= least]] = True
    near[graph.flows.right[graph.flow_weight >= least]] = True
    payers = np.flatnonzero(near)
    flow = near[graph.flows.left] & near[graph.flows.right]
    use = near[graph.uses.left]
    entities, entity = np.unique(graph.uses.right[use], return_inverse=True)
    code = np.cumsum(near) - 1
    flows, uses = graph.flows.take(flow), graph.uses.take(use)
    flows = replace(flows, key=(code[flows.left] << SHIFT) | code[flows.right])
    uses = replace(uses, key=(code[uses.left] << SHIFT) | entity)
    return (
        Graph(
            payers=len(payers),
            entities=len(entities),
            flows=flows,
            flow_weight=graph.flow_weight[flow],
            flow_fresh=graph.flow_fresh[flow],
            uses=uses,
            use_weight=graph.use_weight[use],
            use_fresh=graph.use_fresh[use],
            strong=graph.strong[use],
            sharers=graph.sharers[use],
            near=graph.near[use],
            paid=graph.paid[payers],
            turnover=graph.turnover[payers],
            deeds=graph.deeds[payers],
            typical=graph.typical,
        ),
        payers,
    )


def _flow_weight(flows: Ties, ordinary: np.ndarray) -> np.ndarray:
    """What went between two, beside what the more modest of them usually pays elsewhere."""
    back = (flows.right << SHIFT) | flows.left
    at = np.minimum(np.searchsorted(flows.key, back), max(0, len(flows) - 1))
    both = flows.amount.astype(float)
    if len(flows):
        both += np.where(flows.key[at] == back, flows.amount[at], 0)
    least = np.minimum(ordinary[flows.left], ordinary[flows.right])
    return np.asarray(both / np.maximum(1.0, both + least))


def _use_weight(uses: Ties, kind: np.ndarray, near: np.ndarray, deeds: np.ndarray) -> np.ndarray:
    """What a payer did over shared things of a kind, nearness in time counted, as a share of all.

    Spread over several things, each gets the whole of it, in proportion to its own nearness.
    """
    share = uses.count / np.maximum(1.0, deeds[kind])
    whole = np.bincount(kind, share * near, len(deeds))
    nearest = np.zeros(len(deeds))
    np.maximum.at(nearest, kind, near)
    return np.asarray(np.minimum(1.0, whole[kind] * near / np.maximum(1e-9, nearest[kind])))


def _fresh(some: Ties, every: Ties) -> np.ndarray:
    """Of all events of each tie, the share that is in `some`."""
    return np.asarray(some.count / np.maximum(1, every.count[np.searchsorted(every.key, some.key)]))


def _spread(uses: Ties, entities: int) -> np.ndarray:
    """Standard deviation of the times of use of each entity, minutes."""
    total = np.maximum(1.0, np.bincount(uses.right, uses.count, entities))
    mean = np.bincount(uses.right, uses.moments, entities) / total
    square = np.bincount(uses.right, uses.squares.astype(float), entities) / total
    return np.asarray(np.sqrt(np.maximum(0.0, square - mean**2)))

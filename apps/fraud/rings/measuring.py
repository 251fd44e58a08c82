"""What a candidate looks like, in numbers: size, density, sharing, synchrony, flows, cycles."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from apps.fraud.rings.graph import Graph

DAY = 1440.0
"""Minutes."""
NAMES = (
    "size", "flow_pairs", "flow_repeats", "flow_share", "flow_spread", "flow_sum",
    "flow_evenness", "flow_fresh", "passed_on", "hub", "cycle", "device", "device_near",
    "address", "address_near", "exclusive", "use_share", "use_fresh", "use_spread",
)  # fmt: skip


def measure(graph: Graph, label: np.ndarray) -> dict[str, np.ndarray]:
    """Numbers of each candidate; `label` as of `splitting.labels`. Spreads: days, −1: no such."""
    count = int(label.max(initial=-1)) + 1
    size = np.bincount(label[label >= 0], minlength=count).astype(float)
    told = {"size": size, **_flows(graph, label, size), **_uses(graph, label, size)}
    return {name: told[name] for name in NAMES}


def _flows(graph: Graph, label: np.ndarray, size: np.ndarray) -> dict[str, np.ndarray]:
    count, flows = len(size), graph.flows
    within = (label[flows.left] >= 0) & (label[flows.left] == label[flows.right])
    mine = flows.take(within)
    of = label[mine.left]

    def total(value: np.ndarray) -> np.ndarray:
        return np.bincount(of, value.astype(float), count)

    pairs = np.bincount(of, minlength=count).astype(float)
    amount, events = total(mine.amount), total(mine.count)
    member = np.flatnonzero(label >= 0)

    def over_members(value: np.ndarray) -> np.ndarray:
        return np.bincount(label[member], value[member].astype(float), count)

    sent = np.bincount(mine.left, mine.amount, graph.payers)
    got = np.bincount(mine.right, mine.amount, graph.payers)
    ends = np.concatenate([mine.left, mine.right])
    hub = np.zeros(count)
    np.maximum.at(hub, label[member], np.bincount(ends, minlength=graph.payers)[member])
    each = np.log(np.maximum(1.0, mine.amount / np.maximum(1, mine.count)))
    some = np.maximum(1, pairs)
    mean = total(each) / some
    link = coo_array(
        (np.ones(len(mine), np.int8), (mine.left, mine.right)), shape=(graph.payers, graph.payers)
    )
    _, strong = connected_components(link, directed=True, connection="strong")
    round_trip = np.bincount(strong, minlength=1)[strong] >= 3
    return {
        "flow_pairs": pairs / size,
        "flow_repeats": events / some,
        "flow_share": 2 * amount / np.maximum(1.0, over_members(graph.turnover)),
        "flow_spread": _spread(events, total(mine.moments), total(mine.squares)),
        "flow_sum": np.where(pairs > 0, mean - np.log(max(1.0, graph.typical)), 0.0),
        "flow_evenness": np.where(
            pairs > 1, np.sqrt(np.maximum(0.0, total(each**2) / some - mean**2)), -1.0
        ),
        "flow_fresh": total(graph.flow_fresh[within]) / some,
        "passed_on": over_members(np.minimum(sent, got))
        / np.maximum(1.0, over_members(np.maximum(sent, got))),
        "hub": hub / size,
        "cycle": over_members(round_trip) / size,
    }


def _uses(graph: Graph, label: np.ndarray, size: np.ndarray) -> dict[str, np.ndarray]:
    count, uses = len(size), graph.uses
    told: dict[str, np.ndarray] = {}
    place = np.flatnonzero(label[uses.left] >= 0)
    key = label[uses.left[place]] * graph.entities + uses.right[place]
    _, back, together = np.unique(key, return_inverse=True, return_counts=True)
    shared = together[back] >= 2
    place, sharing = place[shared], together[back[shared]].astype(float)
    mine = uses.take(place)
    of = label[mine.left]

    def total(value: np.ndarray, which: np.ndarray | slice = slice(None)) -> np.ndarray:
        return np.bincount(of[which], value[which].astype(float), count)

    for name, strong in (("device", True), ("address", False)):
        which = graph.strong[place] == strong
        covered = np.unique(mine.left[which])
        told[name] = np.bincount(label[covered], minlength=count) / size
        told[f"{name}_near"] = total(graph.near[place] * mine.count, which) / np.maximum(
            1.0, total(mine.count, which)
        )
    # Each of k sharers of one thing counts k in both sums.
    told["exclusive"] = total(sharing) / np.maximum(1.0, total(graph.sharers[place]))
    member = np.flatnonzero(label >= 0)
    deeds = np.bincount(label[member], graph.deeds[member], count)
    told["use_share"] = total(mine.count) / np.maximum(1.0, deeds)
    told["use_fresh"] = total(graph.use_fresh[place]) / np.maximum(
        1, np.bincount(of, minlength=count)
    )
    told["use_spread"] = _spread(total(mine.count), total(mine.moments), total(mine.squares))
    return told


def _spread(events: np.ndarray, moments: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Standard deviation in days of times summed up; −1 of no event."""
    total = np.maximum(1.0, events)
    variance = np.maximum(0.0, squares / total - (moments / total) ** 2)
    return np.where(events > 0, np.sqrt(variance) / DAY, -1.0)

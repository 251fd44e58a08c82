"""One ring, ready to be shown: members, evidence in sentences, money, ties to draw."""

import hashlib
from dataclasses import dataclass

import numpy as np

from apps.fraud.rings.candidates import Candidates
from apps.fraud.rings.choosing import Chosen
from apps.fraud.rings.coding import Codes
from apps.fraud.rings.evidence import sentences
from apps.fraud.rings.graph import Graph
from apps.fraud.rings.measuring import NAMES
from apps.fraud.rings.ties import Ties
from apps.fraud.rings.told import Ring, Tie
from apps.fraud.rings.words import PAYS
from apps.fraud.scheme import Scheme

MOST_TIES = 2_000


@dataclass(frozen=True)
class Scene:
    """The names behind codes."""

    scheme: Scheme
    people: list[str]
    shared: tuple[str, ...]
    things: list[Codes]

    def thing(self, code: int) -> tuple[str, str]:
        """Type and identifier of an entity."""
        kind = code % len(self.shared)
        return self.shared[kind], self.things[kind].names[code // len(self.shared)]


def tell(scene: Scene, graph: Graph, found: Candidates, chosen: Chosen) -> Ring:
    """Name a chosen candidate and say what speaks for it."""
    members = chosen.members
    inside = np.zeros(graph.payers, np.bool_)
    inside[members] = True
    flows = graph.flows.take(inside[graph.flows.left] & inside[graph.flows.right])
    uses = graph.uses.take(inside[graph.uses.left])
    together = np.unique(uses.right, return_inverse=True, return_counts=True)
    uses = uses.take(together[2][together[1]] >= 2)
    numbers = dict(zip(NAMES, found.numbers[chosen.candidate].tolist(), strict=True))
    times = [part for ties in (flows, uses) for part in (ties.first, ties.last)]
    every = np.concatenate([*times, np.zeros(0, np.int64)])
    names = tuple(scene.people[code] for code in members.tolist())
    return Ring(
        key=hashlib.sha256(names[0].encode("utf-8", "surrogatepass")).hexdigest()[:16],
        members=names,
        score=chosen.score,
        first=int(every.min(initial=2**62)) if len(every) else 0,
        last=int(every.max(initial=0)),
        moved=int(flows.amount.sum()),
        money=int(graph.paid[members].sum()),
        evidence=sentences(scene.scheme, scene.shared, numbers, flows, uses, len(members)),
        ties=_ties(scene, flows, uses),
        numbers=numbers,
    )


def _ties(scene: Scene, flows: Ties, uses: Ties) -> tuple[Tie, ...]:
    """Those that carry most money first; at most `MOST_TIES`."""
    told = [
        Tie(PAYS, scene.people[left], scene.people[right], count, amount)
        for left, right, count, amount in _rows(flows)
    ] + [
        Tie(*_named(scene, left, right), count, amount)
        for left, right, count, amount in _rows(uses)
    ]
    told.sort(key=lambda tie: (-tie.amount, tie.relation, tie.left, tie.right))
    return tuple(told[:MOST_TIES])


def _named(scene: Scene, left: int, right: int) -> tuple[str, str, str]:
    kind, name = scene.thing(right)
    return kind, scene.people[left], name


def _rows(ties: Ties) -> list[tuple[int, int, int, int]]:
    return list(
        zip(
            ties.left.tolist(), ties.right.tolist(), ties.count.tolist(), ties.amount.tolist(),
            strict=True,
        )
    )  # fmt: skip

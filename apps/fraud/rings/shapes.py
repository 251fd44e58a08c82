"""Shapes of rings: who pays whom, who shares what, when, for how much, before anybody is named.

Every shape is a function of a random generator and a size that gives a `Plan` over members
``0…size − 1``. Times are milliseconds since the ring's campaign began, amounts minor units.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

HOUR, DAY = 3_600_000, 86_400_000


@dataclass(frozen=True)
class Plan:
    """What a ring does.

    `flows` are rows of payer, payee, time, amount; `uses` are rows of member, device, address,
    time, amount: payments to a shop over the ring's device and address of those numbers.
    `tools` are the ring's device and address of each member, −1 for the member's own, when it sends
    money.
    """

    flows: np.ndarray  # [flows, 4]
    uses: np.ndarray  # [uses, 5]
    tools: np.ndarray  # [size, 2]


def star(rng: np.random.Generator, size: int) -> Plan:
    """Everybody pays one, or one pays everybody; it takes one to ten days."""
    spokes = np.repeat(np.arange(1, size), rng.integers(2, 5, size - 1))
    length = rng.uniform(1, 10) * DAY
    times = rng.uniform(0, length, len(spokes))
    hub = np.zeros_like(spokes)
    ends = (spokes, hub) if rng.random() < 0.6 else (hub, spokes)
    return _plan(_flows(*ends, times, _sums(rng, len(spokes))), tools=_tools(rng, size, 0.5))


def cycle(rng: np.random.Generator, size: int) -> Plan:
    """Money goes round one to three times and comes back less a fee; a chord here and there."""
    hops = np.tile(np.arange(size), rng.integers(2 if size < 8 else 1, 4))
    pause = rng.exponential(rng.uniform(1, 9) * HOUR, len(hops))
    sums = _sums(rng, 1)[0] * rng.uniform(0.97, 1.0, len(hops)).cumprod()
    flows = _flows(hops, (hops + 1) % size, np.cumsum(pause), sums)
    chords = rng.integers(0, size, (rng.integers(0, max(1, size // 5) + 1), 2))
    chords = chords[chords[:, 0] != chords[:, 1]]
    extra = _flows(
        chords[:, 0],
        chords[:, 1],
        rng.uniform(0, pause.sum(), len(chords)),
        _sums(rng, len(chords)),
    )
    return _plan(np.concatenate([flows, extra]), tools=_tools(rng, size, 0.4))


def chain(rng: np.random.Generator, size: int) -> Plan:
    """Layers: each passes what it got on to some of the next, hours to two days later, in waves."""
    layers = int(rng.integers(2, min(5, size) + 1))
    layer = np.sort(np.concatenate([np.arange(layers), rng.integers(0, layers, size - layers)]))
    rows = []
    waves = int(rng.integers(2, 4)) if size < 8 else int(rng.integers(1, 4))
    for step in np.repeat(np.arange(layers - 1), waves):
        here, there = np.flatnonzero(layer == step), np.flatnonzero(layer == step + 1)
        payer = np.concatenate(
            [np.repeat(here, rng.integers(1, 4, len(here))), rng.choice(here, len(there))]
        )
        payee = rng.choice(there, len(payer))
        payee[-len(there) :] = there
        wave = rng.integers(0, 3) * DAY
        when = wave + step * rng.uniform(6, 48) * HOUR + rng.uniform(0, 24 * HOUR, len(payer))
        rows.append(_flows(payer, payee, when, _sums(rng, len(payer))))
    return _plan(np.concatenate(rows), tools=_tools(rng, size, 0.4))


def clique(rng: np.random.Generator, size: int) -> Plan:
    """Invented identities: all of them over the same few devices and addresses, buying at shops."""
    length = rng.uniform(1, 12) * DAY
    each = np.repeat(np.arange(size), rng.integers(2, 7, size))
    devices, addresses = rng.integers(1, 4), rng.integers(1, 3)
    uses = np.stack(
        [
            each,
            rng.integers(0, devices, len(each)),
            rng.integers(0, addresses, len(each)),
            rng.uniform(0, length, len(each)),
            _sums(rng, len(each)) * 0.3,
        ],
        1,
    )
    return _plan(np.zeros((0, 4)), uses=uses, tools=np.full((size, 2), -1))


def mules(rng: np.random.Generator, size: int) -> Plan:
    """Herders: each runs up to eight accounts from a device; money meets at collectors, goes up."""
    herds = max(1, round(size / rng.uniform(4, 8)))
    herd = np.arange(size) % herds
    collector = herd.copy()  # the first of each herd, whose place is its number
    below = np.flatnonzero(np.arange(size) >= herds)
    payer = np.repeat(below, rng.integers(1, 4, len(below)))
    first = _flows(
        payer, collector[payer], rng.uniform(0, 5 * DAY, len(payer)), _sums(rng, len(payer))
    )
    heads = np.repeat(np.arange(1, herds), 2)
    up = _flows(
        heads, heads // 2, rng.uniform(2 * DAY, 7 * DAY, len(heads)), _sums(rng, len(heads)) * 2
    )
    tools = np.stack([np.where(rng.random(size) < 0.8, herd, -1), rng.integers(-1, 2, size)], 1)
    each = np.repeat(np.arange(size), rng.integers(0, 3, size))
    uses = np.stack(
        [
            each,
            herd[each],
            np.zeros(len(each)),
            rng.uniform(0, 7 * DAY, len(each)),
            _sums(rng, len(each)) * 0.2,
        ],
        1,
    )
    return _plan(np.concatenate([first, up]), uses=uses, tools=tools)


SHAPES: dict[str, Callable[[np.random.Generator, int], Plan]] = {
    "star": star,
    "chain": chain,
    "clique": clique,
    "cycle": cycle,
    "mules": mules,
}


def _plan(flows: np.ndarray, tools: np.ndarray, uses: np.ndarray | None = None) -> Plan:
    return Plan(flows, np.zeros((0, 5)) if uses is None else uses, tools)


def _flows(
    payer: np.ndarray, payee: np.ndarray, time: np.ndarray, amount: np.ndarray
) -> np.ndarray:
    return np.stack([payer, payee, time, amount], 1).astype(float)


def _sums(rng: np.random.Generator, count: int) -> np.ndarray:
    """Minor units: a ring's own level, from little to a lot, and a spread around it."""
    return np.exp(rng.normal(6.4, 0.4) + rng.normal(0, 0.5, count)) * 100


def _tools(rng: np.random.Generator, size: int, share: float) -> np.ndarray:
    """In some rings half of the members work over one of the ring's devices and addresses."""
    used = (rng.random((size, 2)) < 0.6) & (rng.random() < share)
    which = rng.integers(0, [max(1, size // 6), max(1, size // 8)], (size, 2))
    return np.where(used, which, -1)

"""Honest clusters that look like rings: what a detector must leave alone.

As in `shapes`, each is a function of a random generator and a span in days that gives a `Plan` of
as many members as it has; its times are milliseconds since the span began.
"""

from collections.abc import Callable

import numpy as np

from apps.fraud.rings.shapes import DAY, HOUR, Plan


def family(rng: np.random.Generator, days: int) -> Plan:
    """Two to six who share devices and an address for good, and send each other money."""
    size = int(rng.integers(2, 7))
    flows = _transfers(rng, size, int(rng.integers(2, 5) * size), days, 3.8)
    return Plan(flows, _uses(rng, size, 8, days, devices=2, level=3.6), np.full((size, 2), -1))


def office(rng: np.random.Generator, days: int) -> Plan:
    """Eight to forty-five behind one address by day; lunches are paid back."""
    size = int(rng.integers(8, 46))
    flows = _transfers(rng, size, size, days, 2.7)
    return Plan(flows, _uses(rng, size, 5, days, devices=0, level=3.3), np.full((size, 2), -1))


def cafe(rng: np.random.Generator, days: int) -> Plan:
    """Thirty to a hundred and twenty who were at one access point a few times."""
    size = int(rng.integers(30, 121))
    return Plan(
        np.zeros((0, 4)), _uses(rng, size, 2, days, devices=0, level=2.6), np.full((size, 2), -1)
    )


def club(rng: np.random.Generator, days: int) -> Plan:
    """Ten to forty pay one the same fee every month: a star, but slow and small."""
    size = int(rng.integers(10, 41))
    months = max(1, days // 30)
    payer = np.tile(np.arange(1, size), months)
    month = np.repeat(np.arange(months), size - 1)
    time = (month * 30 + rng.integers(0, 8, len(payer))) * DAY + rng.uniform(
        8, 20, len(payer)
    ) * HOUR
    fee = np.full(len(payer), float(rng.integers(10, 60) * 100))
    flows = np.stack([payer, np.zeros(len(payer)), np.minimum(time, (days - 1) * DAY), fee], 1)
    return Plan(flows, np.zeros((0, 5)), np.full((size, 2), -1))


def landlord(rng: np.random.Generator, days: int) -> Plan:
    """Three to twelve pay rent to one: large sums, month by month."""
    size = int(rng.integers(4, 13))
    months = max(1, days // 30)
    payer = np.tile(np.arange(1, size), months)
    month = np.repeat(np.arange(months), size - 1)
    time = (month * 30 + rng.integers(0, 4, len(payer))) * DAY + rng.uniform(
        8, 20, len(payer)
    ) * HOUR
    rent = rng.integers(300, 1_100, size)[payer] * 100.0
    flows = np.stack([payer, np.zeros(len(payer)), np.minimum(time, (days - 1) * DAY), rent], 1)
    return Plan(flows, np.zeros((0, 5)), np.full((size, 2), -1))


def gift(rng: np.random.Generator, days: int) -> Plan:
    """Six to thirty pay one within a week for a present: a fast star of small sums."""
    size = int(rng.integers(6, 31))
    start = rng.uniform(0, max(1, days - 8)) * DAY
    payer = np.arange(1, size)
    time = start + rng.uniform(0, 7, len(payer)) * DAY
    sums = np.full(len(payer), float(rng.integers(1, 7) * 500))
    flows = np.stack([payer, np.zeros(len(payer)), time, sums], 1)
    return Plan(flows, np.zeros((0, 5)), np.full((size, 2), -1))


def holiday(rng: np.random.Generator, days: int) -> Plan:
    """Four to ten under one roof for a week: one address for a short time, costs shared after."""
    size = int(rng.integers(4, 11))
    start = rng.uniform(0, max(1, days - 12)) * DAY
    uses = _uses(rng, size, 3, 7, devices=0, level=3.4)
    uses[:, 3] += start
    flows = _transfers(rng, size, size, 4, 3.9)
    flows[:, 2] += start + 7 * DAY
    return Plan(flows, uses, np.full((size, 2), -1))


LOOKALIKES: dict[str, Callable[[np.random.Generator, int], Plan]] = {
    "family": family,
    "office": office,
    "cafe": cafe,
    "club": club,
    "landlord": landlord,
    "gift": gift,
    "holiday": holiday,
}


def _transfers(
    rng: np.random.Generator, size: int, count: int, days: int, level: float
) -> np.ndarray:
    """Small sums among members, at any time of the span."""
    payer = rng.integers(0, size, count)
    payee = (payer + rng.integers(1, max(2, size), count)) % size
    amount = np.exp(rng.normal(level, 0.6, count)) * 100
    made = np.stack([payer, payee, rng.uniform(0, days * DAY, count), amount], 1)
    return np.asarray(made[payer != payee])


def _uses(
    rng: np.random.Generator, size: int, each: int, days: int, devices: int, level: float
) -> np.ndarray:
    """Payments at shops over one address, and over common devices if there are any."""
    member = np.repeat(np.arange(size), 1 + rng.poisson(each, size))
    count = len(member)
    device = rng.integers(0, devices, count) if devices else np.full(count, -1)
    time = rng.uniform(0, days * DAY, count)
    return np.stack(
        [member, device, np.zeros(count), time, np.exp(rng.normal(level, 0.7, count)) * 100], 1
    )

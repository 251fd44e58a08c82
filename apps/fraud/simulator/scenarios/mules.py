"""Rings of accounts that were opened to pass money on: they share devices and places."""

import numpy as np

from apps.fraud.simulator.amounts import amounts, transfers
from apps.fraud.simulator.config import SimulatorConfig
from apps.fraud.simulator.honest import connections
from apps.fraud.simulator.rows import ATM, DAY_MS, HOUR_MS, NOBODY, TRANSFER, Rows, rows, together
from apps.fraud.simulator.scenarios.when import first_days
from apps.fraud.simulator.world import World

MEAN_EACH = 5.0


def mules(
    world: World, config: SimulatorConfig, rng: np.random.Generator, budget: int, honest: Rows
) -> Rows:
    """Money comes in from outside, goes from account to account, and out in cash within days."""
    accounts = rng.permutation(np.flatnonzero(world.mule))
    parts: list[Rows] = []
    made, taken, ring = 0, 0, 0
    while made < budget and taken + 4 <= len(accounts):
        size = int(np.clip(rng.lognormal(2.1, 0.5), 4, 40))
        members = accounts[taken : taken + size]
        taken += len(members)
        for _ in range(int(rng.integers(1, 4))):
            part = _wave(world, config, rng, members, ring)
            parts.append(part)
            made += len(part)
        ring += 1
    return together(parts) if parts else honest.take(np.zeros(0, np.int64))


def _wave(
    world: World,
    config: SimulatorConfig,
    rng: np.random.Generator,
    members: np.ndarray,
    ring: int,
) -> Rows:
    """One passing of money through the ring; some of it over a handful of shared devices."""
    size = len(members)
    earliest = int(world.joined[members].max())
    start = max(earliest, int(first_days(rng, config, 1, 0.2)[0])) * DAY_MS
    count = max(size, int(rng.poisson(MEAN_EACH * size / 2)))
    payer = np.concatenate([np.arange(size), rng.integers(0, size, count - size)])
    payee = (payer + rng.integers(1, max(2, size // 2 + 1), count)) % size
    outside = rng.random(count) < 0.12
    to = np.where(outside, rng.integers(0, world.customers, count), members[payee])
    customer = members[payer]
    to = np.where(to == customer, members[(payer + 1) % size], to)
    time = start + np.asarray(rng.gamma(2.0, 20.0, count) * HOUR_MS, np.int64)
    tools = world.new_devices(max(1, size // 4))
    seats = np.concatenate([world.new_addresses(max(1, size // 5)), rng.choice(world.exits, 1)])
    channel = np.full(count, TRANSFER)
    device, address = connections(
        world, rng, customer, channel, np.minimum(time, config.days * DAY_MS)
    )
    shared = rng.random(count) < 0.55
    device = np.where(shared, rng.choice(tools, count), device)
    address = np.where(shared, rng.choice(seats, count), address)
    passed = rows(
        customer=customer, terminal=len(world.trade) + to, device=device, address=address,
        country=world.home[customer], channel=channel, time=time,
        amount=(transfers(rng, world, customer) * rng.uniform(0.8, 4, count)).astype(np.int64),
        ring=ring,
    )  # fmt: skip
    out = np.flatnonzero(rng.random(count) < 0.35)
    machine = world.draw(rng, "cash", world.district[customer[out]])
    drawn = time[out] + np.asarray(rng.exponential(14, len(out)) * HOUR_MS, np.int64)
    cash = rows(
        customer=customer[out], terminal=machine, device=NOBODY, address=NOBODY,
        country=world.country[machine], channel=ATM, time=drawn,
        amount=amounts(rng, world, customer[out], machine, drawn / DAY_MS, 0.5), ring=ring,
    )  # fmt: skip
    return together([passed, cash])

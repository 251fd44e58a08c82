"""Somebody else gets into an account and buys on the web, gently or greedily."""

import numpy as np

from apps.fraud.simulator.amounts import amounts, transfers
from apps.fraud.simulator.config import SimulatorConfig
from apps.fraud.simulator.honest import connections
from apps.fraud.simulator.rows import DAY_MS, HOUR_MS, MINUTE_MS, ONLINE, TRANSFER, Rows, rows
from apps.fraud.simulator.scenarios.when import first_days
from apps.fraud.simulator.world import COUNTRIES, World

MEAN = 4.5
OWN_DEVICE, OWN_ADDRESS, EXIT = 0.35, 0.3, 0.5
"""Shares: malware on the victim's own device; behind the victim's address; behind a rented one."""


def takeover(
    world: World, config: SimulatorConfig, rng: np.random.Generator, budget: int, honest: Rows
) -> Rows:
    """Crews of one to six victims share a device; each victim is used for hours to three days."""
    victims = max(1, round(budget / MEAN))
    crew = np.repeat(np.arange(victims), rng.integers(1, 7, victims))[:victims]
    victim = rng.integers(0, world.customers, victims)
    start = first_days(rng, config, victims, 0.3)[crew] * DAY_MS + rng.integers(
        0, 6 * DAY_MS, victims
    )
    own = rng.random(victims) < OWN_DEVICE
    tool = world.new_devices(victims)[crew]
    seat = np.where(
        rng.random(victims) < EXIT, rng.choice(world.exits, victims), world.new_addresses(victims)
    )[crew]
    greed = np.where(
        rng.random(victims) < 0.35, rng.normal(-0.3, 0.3, victims), rng.normal(0.7, 0.4, victims)
    )
    lair = rng.integers(0, len(COUNTRIES), victims)[crew]
    each = np.repeat(np.arange(victims), 1 + rng.poisson(MEAN - 1, victims))
    count = len(each)
    customer = victim[each]
    pause = rng.exponential(np.where(rng.random(victims) < 0.5, 20 * MINUTE_MS, 9 * HOUR_MS)[each])
    time = start[each] + _running(each, pause)
    familiar = rng.random(count) < 0.3
    terminal = np.where(
        familiar, world.webs[customer, 0], world.draw(rng, "web", np.zeros(count, np.int64))
    )
    channel = np.where(rng.random(count) < 0.08, TRANSFER, ONLINE)
    device, address = connections(
        world, rng, customer, channel, np.minimum(time, config.days * DAY_MS)
    )
    device = np.where(own[each], device, tool[each])
    hidden = own[each] | (rng.random(victims) < OWN_ADDRESS)[each]
    address = np.where(hidden, address, seat[each])
    near = hidden | (rng.random(victims) < 0.5)[each]
    amount = amounts(rng, world, customer, terminal, time / DAY_MS, greed[each] + 1e-9)
    sent = transfers(rng, world, customer)
    payee = rng.integers(0, world.customers, victims)[each]
    payee = np.where(payee == customer, (payee + 1) % world.customers, payee)
    return rows(
        customer=customer,
        terminal=np.where(channel == TRANSFER, len(world.trade) + payee, terminal),
        device=device,
        address=address,
        country=np.where(near, world.home[customer], lair[each]),
        channel=channel,
        time=time,
        amount=np.where(channel == TRANSFER, sent, amount),
    )


def _running(each: np.ndarray, pause: np.ndarray) -> np.ndarray:
    """Milliseconds since the first of each group: pauses summed up within it."""
    total = np.cumsum(pause)
    first = np.searchsorted(each, each, side="left")
    return np.asarray(total - total[first], np.int64)

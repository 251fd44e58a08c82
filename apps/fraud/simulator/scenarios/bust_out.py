"""A good customer until the last week: then everything the credit gives, and gone."""

import numpy as np

from apps.fraud.simulator.amounts import amounts
from apps.fraud.simulator.config import SimulatorConfig
from apps.fraud.simulator.honest import clock, connections
from apps.fraud.simulator.rows import DAY_MS, ONLINE, POS, Rows, rows
from apps.fraud.simulator.scenarios.when import first_days
from apps.fraud.simulator.world import World

MEAN = 14


def bust_out(
    world: World, config: SimulatorConfig, rng: np.random.Generator, budget: int, honest: Rows
) -> Rows:
    """The customer's own device and places, several payments a day, larger ones day by day."""
    people = max(1, round(budget / MEAN))
    person = rng.integers(0, world.customers, people)
    start = first_days(rng, config, people, 0.6)
    length = rng.integers(2, 8, people)
    each = np.repeat(np.arange(people), 3 + rng.poisson(MEAN - 3, people))
    count = len(each)
    into = rng.random(count) ** 0.7 * length[each]
    customer = person[each]
    channel = np.where(rng.random(count) < 0.6, ONLINE, POS)
    day = start[each] + into.astype(np.int64)
    time = day * DAY_MS + clock(world, rng, customer, channel)
    slot = rng.integers(0, world.webs.shape[1], count)
    terminal = np.where(
        channel == ONLINE,
        np.where(
            rng.random(count) < 0.4,
            world.webs[customer, slot],
            world.draw(rng, "web", np.zeros(count, np.int64)),
        ),
        world.shops[customer, slot],
    )
    device, address = connections(
        world, rng, customer, channel, np.minimum(time, config.days * DAY_MS)
    )
    uplift = 0.2 + 1.0 * into / length[each] + rng.normal(0, 0.3, count)
    return rows(
        customer=customer, terminal=terminal, device=device, address=address,
        country=np.where(channel == POS, world.country[terminal], world.home[customer]),
        channel=channel, time=time,
        amount=amounts(rng, world, customer, terminal, time / DAY_MS, uplift),
    )  # fmt: skip

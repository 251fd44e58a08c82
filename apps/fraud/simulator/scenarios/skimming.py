"""A terminal that copies cards: copies are used at it and elsewhere for two to four weeks."""

import numpy as np

from apps.fraud.simulator.amounts import amounts
from apps.fraud.simulator.config import SimulatorConfig
from apps.fraud.simulator.rows import DAY_MS, NOBODY, POS, Rows, rows
from apps.fraud.simulator.scenarios.when import first_days
from apps.fraud.simulator.world import World

MEAN = 40


def skimming(
    world: World, config: SimulatorConfig, rng: np.random.Generator, budget: int, honest: Rows
) -> Rows:
    """Victims are customers who paid there; half of the copies are used at that terminal again."""
    visits = np.flatnonzero(honest.channel == POS)
    visits = visits[np.argsort(honest.terminal[visits], kind="stable")]
    heads = np.searchsorted(honest.terminal[visits], np.arange(len(world.trade) + 1))
    busy = np.flatnonzero(np.diff(heads) >= 10)
    if not len(busy):
        return honest.take(np.zeros(0, np.int64))
    places = max(1, round(budget / MEAN))
    terminal = rng.choice(busy, places)
    start = first_days(rng, config, places, -0.5)
    length = rng.integers(14, 29, places)
    each = np.repeat(np.arange(places), 1 + rng.poisson(MEAN - 1, places))
    count = len(each)
    span = heads[terminal + 1] - heads[terminal]
    visit = visits[heads[terminal[each]] + rng.integers(0, span[each])]
    customer = honest.customer[visit]
    day = start[each] + rng.integers(0, length[each])
    time = day * DAY_MS + (honest.time[visit] + rng.integers(-3_600_000, 3_600_000, count)) % DAY_MS
    elsewhere = world.draw(rng, "shop", rng.integers(0, int(world.district.max()) + 1, count))
    used = np.where(rng.random(count) < 0.5, terminal[each], elsewhere)
    return rows(
        customer=customer,
        terminal=used,
        device=NOBODY,
        address=NOBODY,
        country=world.country[used],
        channel=POS,
        time=time,
        amount=amounts(rng, world, customer, used, day, rng.normal(0.25, 0.3, count)),
    )

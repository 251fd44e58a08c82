"""A card taken from a pocket and used in shops and at machines until it is stopped."""

import numpy as np

from apps.fraud.simulator.amounts import amounts
from apps.fraud.simulator.config import SimulatorConfig
from apps.fraud.simulator.rows import ATM, DAY_MS, HOUR_MS, NOBODY, POS, Rows, rows
from apps.fraud.simulator.scenarios.when import first_days
from apps.fraud.simulator.world import World

MEAN = 4.0


def stolen_card(
    world: World, config: SimulatorConfig, rng: np.random.Generator, budget: int, honest: Rows
) -> Rows:
    """Within a day, in the victim's district or the next, at ordinary amounts pushed up a bit."""
    victims = max(1, round(budget / MEAN))
    victim = rng.integers(0, world.customers, victims)
    districts = int(world.district.max()) + 1
    place = (world.district[victim] + rng.integers(0, 2, victims)) % districts
    start = first_days(rng, config, victims, -0.2) * DAY_MS
    start += np.asarray(rng.normal(16, 5, victims) * HOUR_MS, np.int64).clip(0)
    each = np.repeat(np.arange(victims), 1 + rng.poisson(MEAN - 1, victims))
    count = len(each)
    cash = rng.random(count) < 0.3
    terminal = np.where(
        cash, world.draw(rng, "cash", place[each]), world.draw(rng, "shop", place[each])
    )
    time = start[each] + np.asarray(rng.gamma(1.5, 3.0, count) * HOUR_MS, np.int64)
    uplift = rng.normal(0.4, 0.4, victims)[each]
    return rows(
        customer=victim[each],
        terminal=terminal,
        device=NOBODY,
        address=NOBODY,
        country=world.country[terminal],
        channel=np.where(cash, ATM, POS),
        time=time,
        amount=amounts(rng, world, victim[each], terminal, time / DAY_MS, uplift),
    )

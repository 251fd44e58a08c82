"""Lists of card numbers tried out with small sums; what works is used in earnest later."""

import numpy as np

from apps.fraud.simulator.amounts import amounts
from apps.fraud.simulator.config import SimulatorConfig
from apps.fraud.simulator.rows import DAY_MS, HOUR_MS, ONLINE, Rows, rows, together
from apps.fraud.simulator.scenarios.when import first_days
from apps.fraud.simulator.world import World

MEAN = 34


def card_testing(
    world: World, config: SimulatorConfig, rng: np.random.Generator, budget: int, honest: Rows
) -> Rows:
    """Runs of 8 to 48 cards at one web shop, seconds to many minutes apart, on several devices."""
    runs = max(1, round(budget / MEAN))
    size = rng.integers(8, 49, runs)
    each = np.repeat(np.arange(runs), size)
    count = len(each)
    start = first_days(rng, config, runs, 0.8) * DAY_MS + rng.integers(0, DAY_MS, runs)
    gap = np.exp(rng.uniform(np.log(4_000), np.log(900_000), runs))[each]
    time = start[each] + np.asarray(rng.random(count) * gap * size[each], np.int64)
    customer = rng.integers(0, world.customers, count)
    tools = world.new_devices(runs * 6).reshape(runs, 6)
    hands = rng.integers(1, 7, runs)[each]
    device = tools[each, rng.integers(0, 6, count) % hands]
    seats = np.concatenate([world.exits, world.carriers])
    address = rng.choice(seats, (runs, 6))[each, rng.integers(0, 6, count) % hands]
    shop = world.draw(rng, "web", np.zeros(runs, np.int64))[each]
    sums = np.exp(rng.normal(0.8, 0.5, runs)[each] + rng.normal(0, 0.6, count)) * 100
    tries = rows(
        customer=customer, terminal=shop, device=device, address=address,
        country=world.home[customer], channel=ONLINE, time=time,
        amount=np.clip(np.rint(sums).astype(np.int64), 50, 2_500),
    )  # fmt: skip
    hit = np.flatnonzero(rng.random(count) < 0.2)
    later = time[hit] + np.asarray(rng.exponential(30, len(hit)) * HOUR_MS, np.int64)
    place = world.draw(rng, "web", np.zeros(len(hit), np.int64))
    used = rows(
        customer=customer[hit], terminal=place, device=world.new_devices(len(hit)),
        address=rng.choice(seats, len(hit)), country=world.home[customer[hit]], channel=ONLINE,
        time=later, amount=amounts(rng, world, customer[hit], place, later / DAY_MS, 0.6),
    )  # fmt: skip
    return together([tries, used])

"""Ordinary life: rhythms of day and week, favourite shops, journeys, shared devices, transfers."""

import numpy as np

from apps.fraud.simulator.amounts import amounts, transfers
from apps.fraud.simulator.config import SimulatorConfig
from apps.fraud.simulator.rows import (
    ATM,
    DAY_MS,
    HOUR_MS,
    NOBODY,
    ONLINE,
    POS,
    TRANSFER,
    Rows,
    rows,
)
from apps.fraud.simulator.world import FAVOURITES, World

WEEK = np.array([0.95, 0.95, 1.0, 1.05, 1.2, 1.25, 0.7])
_HABIT = 0.6 ** np.arange(FAVOURITES)


def honest(world: World, config: SimulatorConfig, rng: np.random.Generator) -> Rows:
    """Every honest payment of the span."""
    customer, day = _who_and_when(world, config, rng)
    count = len(customer)
    # Habits drift: over the span some payments move from shops to the web.
    online = world.online[customer] * (0.7 + config.drift * 0.5 * day / config.days)
    draw = rng.random(count)
    channel = np.select([draw < online, draw > 0.97, draw > 0.90], [ONLINE, TRANSFER, ATM], POS)
    time = day * DAY_MS + clock(world, rng, customer, channel)
    away = abroad(world, customer, day)
    terminal = _terminals(world, rng, customer, channel, away, day)
    device, address = connections(world, rng, customer, channel, time)
    paid_to = _payees(world, rng, customer)
    terminal = np.where(channel == TRANSFER, len(world.trade) + paid_to, terminal)
    shop = np.where(channel == TRANSFER, 0, terminal)
    country = np.where(
        (channel == POS) | (channel == ATM), world.country[shop], world.home[customer]
    )
    remote = (away >= 0) & (rng.random(count) < 0.8)
    country = np.where(remote & (channel != TRANSFER), away, country)
    amount = amounts(rng, world, customer, shop, day)
    amount = np.where(channel == TRANSFER, transfers(rng, world, customer), amount)
    # Now and then something large is bought: a sofa, a flight, a deposit.
    treat = (rng.random(count) < 0.01) & (channel != ATM)
    amount = np.where(treat, np.minimum(amount * rng.integers(3, 25, count), 2_000_000), amount)
    return rows(
        customer=customer, terminal=terminal, device=device, address=address, country=country,
        channel=channel, time=time, amount=amount,
    )  # fmt: skip


def _who_and_when(
    world: World, config: SimulatorConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The payer and the day of every payment; some come in sprees of several on one day."""
    there = (config.days - world.joined) / config.days
    pace = world.pace * there
    mean = pace * config.rate * config.days * world.customers / pace.sum() / 1.25
    counts = rng.poisson(mean)
    customer = np.repeat(np.arange(world.customers), counts)
    weight = np.cumsum(WEEK[np.arange(config.days) % 7] * (1 + rng.normal(0, 0.05, config.days)))
    low = np.concatenate([[0.0], weight])[world.joined[customer]]
    day = np.searchsorted(weight, low + rng.random(len(customer)) * (weight[-1] - low))
    again = np.repeat(np.arange(len(customer)), rng.geometric(0.8, len(customer)))
    return customer[again], np.minimum(day[again], config.days - 1)


def clock(
    world: World, rng: np.random.Generator, customer: np.ndarray, channel: np.ndarray
) -> np.ndarray:
    """Milliseconds into the day: noon or evening by person, the web until late, a few at night."""
    count = len(customer)
    evening = rng.random(count) < world.evening[customer] + 0.2 * (channel == ONLINE)
    hour = np.where(evening, rng.normal(20.3, 1.9, count), rng.normal(12.8, 2.9, count))
    night = rng.random(count) < np.where(channel == ONLINE, 0.05, 0.02)
    hour = np.where(night, rng.uniform(0, 6, count), hour) % 24
    return np.asarray(hour * HOUR_MS, np.int64)


def abroad(world: World, customer: np.ndarray, day: np.ndarray) -> np.ndarray:
    """The country where each is on that day; −1 at home."""
    place = np.full(len(customer), -1)
    for trip in range(2):
        first, length, country = world.trips[customer, trip].T
        place = np.where((day >= first) & (day < first + length), country, place)
    return place


def _terminals(
    world: World,
    rng: np.random.Generator,
    customer: np.ndarray,
    channel: np.ndarray,
    away: np.ndarray,
    day: np.ndarray,
) -> np.ndarray:
    """Favourites mostly; otherwise what is popular nearby, or there."""
    count = len(customer)
    slot = rng.choice(FAVOURITES, count, p=_HABIT / _HABIT.sum())
    explore = rng.random(count) < 0.15
    web = np.where(
        explore, world.draw(rng, "web", np.zeros(count, np.int64)), world.webs[customer, slot]
    )
    near = world.draw(rng, "shop", world.district[customer])
    shop = np.where(explore, near, world.shops[customer, slot])
    cash = world.draw(rng, "cash", world.district[customer])
    there = world.draw(rng, "abroad", np.maximum(away, 0))
    shop = np.where(away >= 0, there, shop)
    terminal = np.select([channel == ONLINE, channel == ATM], [web, cash], shop)
    # A shop that is not open yet: the popular one nearby instead.
    closed = world.opened[terminal] > day
    return np.where(closed, np.where(channel == ONLINE, world.webs[customer, 0], near), terminal)


def connections(
    world: World,
    rng: np.random.Generator,
    customer: np.ndarray,
    channel: np.ndarray,
    time: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Device and address of payments over the internet; none in shops and at machines."""
    count = len(customer)
    day, hour = time // DAY_MS, time % DAY_MS // HOUR_MS
    second = (rng.random(count) < 0.2).astype(np.int64)
    device = world.own_device[customer, second]
    shared = (world.shared_device[customer] >= 0) & (rng.random(count) < 0.35)
    device = np.where(shared, world.shared_device[customer], device)
    address = world.home_address[customer, (day >= world.moved[customer]).astype(np.int64)]
    draw = rng.random(count)
    office = world.office[customer]
    at_work = (office >= 0) & (day % 7 < 5) & (hour >= 8) & (hour < 18) & (draw < 0.6)
    address = np.where(at_work, world.offices[np.maximum(office, 0)], address)
    moving = ~at_work & (draw > 0.6)
    address = np.where(moving, rng.choice(world.carriers, count), address)
    address = np.where(moving & (draw > 0.94), rng.choice(world.cafes, count), address)
    address = np.where(moving & (draw > 0.985), rng.choice(world.exits, count), address)
    # Orders by telephone: the call centre's device and office stand in for the customer's.
    called = rng.random(count) < 0.04
    desk = rng.integers(0, len(world.desks), count)
    device = np.where(called, world.desks[desk], device)
    address = np.where(called, world.offices[desk // 8 % len(world.offices)], address)
    over = (channel == ONLINE) | (channel == TRANSFER)
    return np.where(over, device, NOBODY), np.where(over, address, NOBODY)


def _payees(world: World, rng: np.random.Generator, customer: np.ndarray) -> np.ndarray:
    """Whom people send money: family first, then three friends, then anybody."""
    count = len(customer)
    neighbour = np.clip(customer + rng.choice([-1, 1], count), 0, world.customers - 1)
    kin = (world.household[neighbour] == world.household[customer]) & (rng.random(count) < 0.6)
    payee = world.friends[customer, rng.integers(0, 3, count)]
    payee = np.where(kin, neighbour, payee)
    stranger = rng.random(count) < 0.15
    payee = np.where(stranger, rng.integers(0, world.customers, count), payee)
    return np.where(payee == customer, (payee + 1) % world.customers, payee)

"""Who lives, sells and connects where: everything that is there before the first payment."""

from dataclasses import dataclass

import numpy as np

from apps.fraud.simulator.config import SimulatorConfig

COUNTRIES = np.array(["DE", "FR", "NL", "IT", "ES", "PL", "AT", "GB", "US", "CH", "TR", "CN"])
HOME_SHARES = np.array([0.62, 0.1, 0.08, 0.06, 0.05, 0.05, 0.04])
"""Of the first countries; in the others customers only travel."""

SHOPS = {
    "grocery": 3.2,
    "fuel": 3.9,
    "restaurant": 3.3,
    "transit": 1.3,
    "kiosk": 1.0,
    "fashion": 4.0,
}
WEB = {"goods": 3.7, "electronics": 4.8, "journeys": 5.2, "digital": 2.1, "subscription": 2.4}
"""Median of log(amount in currency units) of a trade."""
TRADES = [*SHOPS, *WEB, "cash"]
LEVELS = np.array([*SHOPS.values(), *WEB.values(), 4.4])
GOODS, SUBSCRIPTION, CASH = (TRADES.index(name) for name in ("goods", "subscription", "cash"))
SHOP_SHARES = np.array([0.34, 0.08, 0.2, 0.12, 0.12, 0.14])
WEB_SHARES = np.array([0.38, 0.14, 0.08, 0.22, 0.18])
FAVOURITES = 8


@dataclass
class World:
    """Codes from 0 for everything; `pools` of terminals are drawn from by popularity."""

    days: int
    home: np.ndarray  # [customers] country
    district: np.ndarray  # [customers]
    household: np.ndarray  # [customers]
    office: np.ndarray  # [customers], −1 without
    level: np.ndarray  # [customers] added to the log of an amount
    spread: np.ndarray  # [customers] standard deviation of the log of an amount
    pace: np.ndarray  # [customers] share of all payments
    joined: np.ndarray  # [customers] day, 0 for those there from the start
    mule: np.ndarray  # [customers] accounts opened to pass money on
    online: np.ndarray  # [customers] share of payments online
    evening: np.ndarray  # [customers] share of payments late in the day
    trips: np.ndarray  # [customers, 2, 3] first day, days, country
    shops: np.ndarray  # [customers, FAVOURITES]
    webs: np.ndarray  # [customers, FAVOURITES]
    friends: np.ndarray  # [customers, 3]
    own_device: np.ndarray  # [customers, 2]
    shared_device: np.ndarray  # [customers] of the household, −1 without
    home_address: np.ndarray  # [customers, 2] before and after the provider changed it
    moved: np.ndarray  # [customers] day of that change
    trade: np.ndarray  # [terminals]
    country: np.ndarray  # [terminals]
    price: np.ndarray  # [terminals] added to the log of an amount
    opened: np.ndarray  # [terminals] day
    pools: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    offices: np.ndarray  # addresses, one an office
    carriers: np.ndarray  # addresses that thousands share
    cafes: np.ndarray  # addresses
    exits: np.ndarray  # addresses of private networks that anybody can rent
    desks: np.ndarray  # devices of call centres, used for many customers
    devices: int
    addresses: int

    @property
    def customers(self) -> int:
        """How many there are."""
        return len(self.home)

    def new_devices(self, count: int) -> np.ndarray:
        """Codes nobody has yet."""
        self.devices += count
        return np.arange(self.devices - count, self.devices)

    def new_addresses(self, count: int) -> np.ndarray:
        """Codes nobody has yet."""
        self.addresses += count
        return np.arange(self.addresses - count, self.addresses)

    def draw(self, rng: np.random.Generator, pool: str, group: np.ndarray) -> np.ndarray:
        """One terminal of each group (a district, a country, 0) of a pool, by popularity."""
        members, bounds, heaped = self.pools[pool]
        heap = np.concatenate([[0.0], heaped])
        low, high = heap[bounds[group]], heap[bounds[group + 1]]
        at = np.searchsorted(heaped, low + rng.random(len(group)) * (high - low), side="right")
        return np.asarray(members[np.clip(at, bounds[group], bounds[group + 1] - 1)])


def build(config: SimulatorConfig, rng: np.random.Generator) -> World:
    """Draw a world."""
    people, days = config.customers, config.days
    districts = max(2, people // 400)
    shops, webs, machines, abroad = people // 12, max(60, people // 60), 3 * districts, 60
    trade = np.concatenate(
        [
            np.concatenate([np.arange(6), rng.choice(6, shops - 6, p=SHOP_SHARES)]),
            6 + np.concatenate([np.arange(5), rng.choice(5, webs - 5, p=WEB_SHARES)]),
            np.full(machines, CASH),
            rng.choice(6, abroad * len(COUNTRIES), p=SHOP_SHARES),
        ]
    )
    district_country = rng.choice(len(HOME_SHARES), districts, p=HOME_SHARES)
    place = np.arange(shops) % districts
    country = np.concatenate(
        [
            district_country[place],
            rng.choice(len(COUNTRIES), webs),
            district_country[np.arange(machines) % districts],
            np.repeat(np.arange(len(COUNTRIES)), abroad),
        ]
    )
    popular = 1 / (1 + rng.permutation(len(trade)) % 200) ** 0.8
    first = np.cumsum([0, shops, webs, machines, abroad * len(COUNTRIES)])
    span = [np.arange(first[part], first[part + 1]) for part in range(4)]
    pools = {
        "shop": _pool(span[0], place, districts, popular),
        "web": _pool(span[1], np.zeros(webs, np.int64), 1, popular**1.2),
        "cash": _pool(span[2], np.arange(machines) % districts, districts, popular),
        "abroad": _pool(span[3], country[span[3]], len(COUNTRIES), popular),
    }
    household = np.repeat(np.arange(people), rng.choice([1, 2, 3, 4, 5], people, p=_SIZES))[:people]
    homes = int(household.max()) + 1
    district = rng.integers(0, districts, homes)[household]
    offices = max(2, people // 60)
    office = rng.integers(0, offices, people) ** 2 // offices  # some are large
    office[rng.random(people) < 0.45] = -1
    family = np.bincount(household, minlength=homes)[household] > 1
    tablet = rng.random(homes) < 0.5
    mule = rng.random(people) < 0.012
    late = (rng.random(people) < 0.15) | (mule & (rng.random(people) < 0.8))
    world = World(
        days=days,
        home=district_country[district],
        district=district,
        household=household,
        office=office,
        level=rng.normal(0, 0.45, people),
        spread=rng.uniform(0.35, 0.75, people),
        pace=rng.lognormal(0, 0.8, people) * np.where(mule, 0.4, 1.0),
        joined=np.where(late, rng.integers(0, max(1, int(days * 0.8)), people), 0),
        mule=mule,
        online=rng.beta(2, 3, people),
        evening=rng.beta(2, 4, people),
        trips=_trips(rng, people, days),
        shops=np.zeros((people, FAVOURITES), np.int64),
        webs=np.zeros((people, FAVOURITES), np.int64),
        friends=rng.integers(0, people, (people, 3)),
        own_device=np.arange(2 * people).reshape(people, 2),
        shared_device=np.where(family & tablet[household], 2 * people + household, -1),
        home_address=np.stack([household, homes + household], 1),
        moved=rng.integers(0, days * 2, homes)[household],
        trade=trade,
        country=country,
        price=rng.normal(0, 0.3, len(trade)),
        opened=np.where(rng.random(len(trade)) < 0.1, rng.integers(0, days, len(trade)), 0),
        pools=pools,
        offices=np.zeros(0, np.int64),
        carriers=np.zeros(0, np.int64),
        cafes=np.zeros(0, np.int64),
        exits=np.zeros(0, np.int64),
        desks=np.zeros(0, np.int64),
        devices=2 * people + homes,
        addresses=2 * homes,
    )
    for slot in range(FAVOURITES):
        near = np.where(rng.random(people) < 0.75, district, rng.integers(0, districts, people))
        world.shops[:, slot] = world.draw(rng, "shop", near)
        world.webs[:, slot] = world.draw(rng, "web", np.zeros(people, np.int64))
    world.offices = world.new_addresses(offices)
    world.carriers = world.new_addresses(max(3, people // 700))
    world.cafes = world.new_addresses(max(4, people // 250))
    world.exits = world.new_addresses(max(4, people // 500))
    world.desks = world.new_devices(max(4, people // 400))
    return world


_SIZES = [0.38, 0.3, 0.14, 0.13, 0.05]


def _pool(
    members: np.ndarray, group: np.ndarray, groups: int, popular: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Members sorted by group, where each group starts, and their popularity heaped up."""
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(groups + 1))
    return members[order], bounds, np.cumsum(popular[members[order]])


def _trips(rng: np.random.Generator, people: int, days: int) -> np.ndarray:
    """Up to two journeys of each; some of no length."""
    length = rng.integers(3, 15, (people, 2)) * (rng.random((people, 2)) < min(0.5, 0.003 * days))
    first = rng.integers(0, days, (people, 2))
    return np.stack([first, length, rng.integers(0, len(COUNTRIES), (people, 2))], 2)

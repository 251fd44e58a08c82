"""What things cost: by trade, by terminal and by the person who pays."""

import numpy as np

from apps.fraud.simulator.world import CASH, GOODS, LEVELS, SUBSCRIPTION, World

SMALLEST, LARGEST = 50, 5_000_000
"""Minor units."""
YEARLY_RISE = 0.05


def amounts(
    rng: np.random.Generator,
    world: World,
    customer: np.ndarray,
    terminal: np.ndarray,
    day: np.ndarray,
    uplift: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Minor units of payments at terminals; `uplift` is added to the log of each."""
    trade = world.trade[terminal]
    # A subscription costs everybody the same, one of three plans.
    plan = (customer * 7 + terminal) % 3 * 0.5
    listed = (trade == SUBSCRIPTION) & (np.asarray(uplift) == 0)
    log = (
        LEVELS[trade]
        + world.price[terminal]
        + np.where(
            listed,
            plan,
            world.level[customer] + rng.normal(0, 1, len(customer)) * world.spread[customer],
        )
        + YEARLY_RISE * day / 365
        + uplift
    )
    return priced(rng, np.exp(log) * 100, trade)


def priced(rng: np.random.Generator, minor: np.ndarray, trade: np.ndarray) -> np.ndarray:
    """Whole minor units as shops write them: many end in 99, 95 or 00, cash comes in notes."""
    whole = np.rint(minor).astype(np.int64)
    ending = rng.choice(np.array([-1, -5, 0]), len(whole), p=[0.5, 0.2, 0.3])
    styled = rng.random(len(whole)) < np.where(trade >= GOODS, 0.6, 0.2)
    whole = np.where(styled & (whole > 400), (whole + 50) // 100 * 100 + ending, whole)
    whole = np.where(trade == CASH, np.maximum(1, (whole + 500) // 1000) * 1000, whole)
    return np.asarray(np.clip(whole, SMALLEST, LARGEST))


def transfers(rng: np.random.Generator, world: World, customer: np.ndarray) -> np.ndarray:
    """Minor units of what people send each other: often round."""
    minor = np.exp(3.9 + world.level[customer] + rng.normal(0, 1.0, len(customer))) * 100
    whole = np.rint(minor).astype(np.int64)
    step = np.where(rng.random(len(whole)) < 0.6, np.where(whole > 10_000, 1_000, 500), 1)
    return np.asarray(np.clip((whole + step // 2) // step * step, SMALLEST, LARGEST))

"""Friendly fraud: a payment the customer made, and says was not theirs."""

import numpy as np

from apps.fraud.simulator.rows import ONLINE, Rows
from apps.fraud.simulator.world import TRADES, World


def refunds(world: World, rng: np.random.Generator, budget: int, honest: Rows) -> np.ndarray:
    """Which honest web payments: more of electronics and goods, some people again and again."""
    web = np.flatnonzero(honest.channel == ONLINE)
    bold = rng.random(world.customers) < 0.02
    trade = world.trade[honest.terminal[web]]
    dear = np.isin(trade, [TRADES.index("goods"), TRADES.index("electronics")])
    weight = np.where(bold[honest.customer[web]], 20.0, 1.0) * np.where(dear, 3.0, 1.0)
    heaped = np.cumsum(weight)
    drawn = rng.random(min(budget, len(web) // 4)) * (heaped[-1] if len(web) else 0.0)
    return web[np.unique(np.searchsorted(heaped, drawn, side="right"))]

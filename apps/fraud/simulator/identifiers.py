"""Identifiers as a bank would have them: they say nothing about who is behind them."""

import numpy as np

from apps.fraud.simulator.world import World


def customers(world: World, rng: np.random.Generator) -> np.ndarray:
    """``C0001234``, in an order of its own."""
    return _numbered("C", world.customers, rng)


def payees(world: World, rng: np.random.Generator, people: np.ndarray) -> np.ndarray:
    """``M000123`` of the terminals, then the identifiers of the customers."""
    return np.concatenate([_numbered("M", len(world.trade), rng), people])


def devices(world: World, rng: np.random.Generator) -> np.ndarray:
    """Twelve hexadecimal digits each."""
    drawn = np.unique(rng.integers(1 << 44, 1 << 48, world.devices + 1_000))
    drawn = rng.permutation(drawn)[: world.devices]
    return np.array([f"{number:012x}" for number in drawn.tolist()])


def addresses(world: World, rng: np.random.Generator) -> np.ndarray:
    """IPv4 addresses outside the reserved blocks."""
    drawn = np.unique(rng.integers(0, 150 << 24, world.addresses + 1_000))
    drawn = rng.permutation(drawn)[: world.addresses] + (20 << 24)
    return np.array(
        [f"{ip >> 24}.{ip >> 16 & 255}.{ip >> 8 & 255}.{ip & 255}" for ip in drawn.tolist()]
    )


def transactions(count: int) -> np.ndarray:
    """``T00000042`` in order of arrival."""
    return np.char.mod("T%08d", np.arange(count))


def _numbered(letter: str, count: int, rng: np.random.Generator) -> np.ndarray:
    order = rng.permutation(count)
    return np.array([f"{letter}{number:07d}" for number in order.tolist()])

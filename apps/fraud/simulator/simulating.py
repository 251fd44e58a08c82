"""From a world to events: honest life, scenarios, labels, and the order in which it all arrives."""

from dataclasses import dataclass, replace

import numpy as np

from apps.fraud.events import ATTRIBUTE, ENTITY
from apps.fraud.simulator import identifiers
from apps.fraud.simulator.config import VERSION, SimulatorConfig
from apps.fraud.simulator.honest import honest
from apps.fraud.simulator.labels import labels
from apps.fraud.simulator.rows import CHANNELS, DAY_MS, HOUR_MS, Rows, together
from apps.fraud.simulator.scenarios import NAMES, REFUNDS, SCENARIOS
from apps.fraud.simulator.scenarios.refunds import refunds
from apps.fraud.simulator.world import COUNTRIES, World, build
from loupe.contract.runtime.columns import Columns

LATE = 0.01
"""Share of payments that are heard of minutes to hours after they happened."""


@dataclass(frozen=True)
class Truth:
    """What is behind each row, in the order of the columns.

    `scenario` is an index of `names`, 0 for honest life; `ring` numbers mule networks, −1 outside.
    """

    scenario: np.ndarray
    ring: np.ndarray
    names: tuple[str, ...] = NAMES

    @property
    def fraud(self) -> np.ndarray:
        """Whether a row is fraud, disputed payments included, noticed or not."""
        return self.scenario > 0


def simulate(config: SimulatorConfig, seed: int = 0) -> Columns:
    """Events of the scheme `CARD_PAYMENTS` in order of arrival; see the package's docstring."""
    return simulate_with_truth(config, seed)[0]


def simulate_with_truth(config: SimulatorConfig, seed: int = 0) -> tuple[Columns, Truth]:
    """The same events, and the truth behind them."""
    rng = np.random.default_rng([VERSION, seed])
    world = build(config, rng)
    happened = _payments(world, config, rng)
    heard = happened.time + _arrival(rng, len(happened))
    order = np.lexsort((happened.time, heard))
    happened, heard = happened.take(order), heard[order]
    return _columns(world, config, rng, happened, heard), Truth(happened.scenario, happened.ring)


def _payments(world: World, config: SimulatorConfig, rng: np.random.Generator) -> Rows:
    """Honest and fraudulent payments within the span."""
    base = honest(world, config, rng)
    budget = config.fraud_share * len(base)
    disputed = base.scenario.copy()
    if chosen := round(REFUNDS * budget):
        disputed[refunds(world, rng, chosen, base)] = NAMES.index("refunds")
    parts = [replace(base, scenario=disputed)]
    for name, (share, scenario) in SCENARIOS.items():
        if wanted := round(share * budget):
            made = scenario(world, config, rng, wanted, base)
            parts.append(replace(made, scenario=np.full(len(made), NAMES.index(name))))
    happened = together(parts)
    return happened.take(happened.time < config.days * DAY_MS)


def _arrival(rng: np.random.Generator, count: int) -> np.ndarray:
    """Milliseconds between a payment and the news of it."""
    quick = rng.integers(40, 2_000, count)
    late = np.asarray(rng.exponential(2 * HOUR_MS, count), np.int64)
    return np.where(rng.random(count) < LATE, quick + late, quick)


def _columns(
    world: World,
    config: SimulatorConfig,
    rng: np.random.Generator,
    happened: Rows,
    heard: np.ndarray,
) -> Columns:
    """Codes become identifiers; code −1 picks the empty one at the end."""
    people = identifiers.customers(world, rng)
    time = config.start + happened.time
    label, known = labels(config, rng, happened.scenario, time)
    return {
        "id": identifiers.transactions(len(happened)),
        "event_time": time,
        "known_at": config.start + heard,
        "amount": happened.amount,
        "amount_original": happened.amount.copy(),
        "currency": np.full(len(happened), "EUR"),
        ENTITY + "customer": people[happened.customer],
        ENTITY + "terminal": identifiers.payees(world, rng, people)[happened.terminal],
        ENTITY + "device": np.append(identifiers.devices(world, rng), "")[happened.device],
        ENTITY + "address": np.append(identifiers.addresses(world, rng), "")[happened.address],
        ATTRIBUTE + "country": COUNTRIES[happened.country],
        ATTRIBUTE + "channel": CHANNELS[happened.channel],
        "label": label,
        "label_known_at": known,
    }

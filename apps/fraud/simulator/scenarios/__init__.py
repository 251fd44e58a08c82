"""How fraud happens: each scenario adds about as many payments as its share of the budget.

A scenario is a function of the world, the settings, a random generator, its budget in rows and the
honest rows. Its days drift: some kinds grow over the span and some fade. Refunds alone add nothing:
they are honest payments that are disputed.
"""

from collections.abc import Callable

import numpy as np

from apps.fraud.simulator.config import SimulatorConfig
from apps.fraud.simulator.rows import Rows
from apps.fraud.simulator.scenarios.bust_out import bust_out
from apps.fraud.simulator.scenarios.mules import mules
from apps.fraud.simulator.scenarios.skimming import skimming
from apps.fraud.simulator.scenarios.stolen import stolen_card
from apps.fraud.simulator.scenarios.takeover import takeover
from apps.fraud.simulator.scenarios.testing import card_testing
from apps.fraud.simulator.world import World

Scenario = Callable[[World, SimulatorConfig, np.random.Generator, int, Rows], Rows]
SCENARIOS: dict[str, tuple[float, Scenario]] = {
    "takeover": (0.26, takeover),
    "stolen_card": (0.14, stolen_card),
    "skimming": (0.18, skimming),
    "card_testing": (0.12, card_testing),
    "mules": (0.13, mules),
    "bust_out": (0.10, bust_out),
}
"""Share of the budget, and what produces it."""
REFUNDS = 0.07
"""Share of the budget."""
NAMES = ("honest", *SCENARIOS, "refunds")
"""By the code that a row carries."""

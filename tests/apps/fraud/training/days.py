"""Small schemes and histories for tests: cheap to draw, with fraud that can be learned."""

import numpy as np

from apps.fraud.scheme import DAY, EntityType, Scheme
from apps.fraud.training.table import DAY_MS

SCHEME = Scheme(
    entities=(
        EntityType(key="customer", en="Customer", zh="客户", role="payer", risk=True),
        EntityType(key="terminal", en="Terminal", zh="终端", role="payee", risk=True),
    ),
    windows=(3_600, DAY, 7 * DAY, 30 * DAY),
    label_delay=3 * DAY,
)
START = 1_700_006_400_000
"""A midnight, milliseconds."""


def history(
    days: int = 40, a_day: int = 120, customers: int = 60, terminals: int = 30, seed: int = 0
) -> dict[str, np.ndarray]:
    """Events in order of time: compromised terminals for a week at a time, and large amounts."""
    rng = np.random.default_rng(seed)
    size = days * a_day
    time = START + np.sort(rng.integers(0, days * DAY_MS, size))
    customer, terminal = rng.integers(0, customers, size), rng.integers(0, terminals, size)
    habit = rng.integers(1_000, 6_000, customers)
    amount = np.maximum(100, rng.normal(habit[customer], habit[customer] / 4)).astype(np.int64)
    week = (time - START) // (7 * DAY_MS)
    caught = (terminal % 10 == week % 10) & (rng.random(size) < 0.6)
    large = rng.random(size) < 0.01
    amount = np.where(large, amount * 8, amount)
    label = (caught | large).astype(np.int64)
    return {
        "id": np.array([f"t{one}" for one in range(size)]),
        "event_time": time,
        "known_at": time + 1_000,
        "amount": amount,
        "amount_original": amount,
        "currency": np.full(size, "EUR"),
        "entity.customer": np.array([f"c{one}" for one in customer]),
        "entity.terminal": np.array([f"s{one}" for one in terminal]),
        "label": label,
        "label_known_at": time + 1_000 * SCHEME.label_delay,
    }

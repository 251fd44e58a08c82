"""Transactions with everything that makes rules hard: missing values, odd ids, ties, all hours."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from apps.fraud.schema import ScoredTransaction

Drawn = TypeVar("Drawn")
COUNTRIES = ("DE", "FR", "CN", "")
IDS = ("c-1", "c-2", "ünïcode-卡", "C-1", "")
FEATURES = {
    "customer_count_1h": (-1.0, 0.0, 1.0, 3.0, 7.0),
    "customer_mean_7d": (-1.0, 1250.0, 990.5, 1e9),
    "listed_watch": (0.0, 1.0, float("nan")),
    "device_risk_7d": (-1.0, 0.0, 0.25, 1.0, float("inf")),
}


def transactions(count: int, seed: int = 1) -> list[ScoredTransaction]:
    """`count` of them, drawn."""
    chance = np.random.default_rng(seed)

    def one_of(options: Sequence[Drawn]) -> Drawn:
        return options[int(chance.integers(len(options)))]

    found = []
    for number in range(count):
        time = int(chance.integers(0, 2_000_000_000_000))
        found.append(
            ScoredTransaction(
                id=f"t-{number}",
                sequence=number,
                event_time=time,
                known_at=time,
                amount=one_of((0, 1, 49_999, 50_000, 50_001, 2**40 - 1)),
                amount_original=int(chance.integers(0, 100_000)),
                currency=one_of(("EUR", "USD", "JPY")),
                late=bool(chance.integers(2)),
                history=int(chance.integers(0, 5)),
                score=one_of((0.0, 0.5, 0.7, 0.9, 0.99, 1.0)),
                entities={
                    "customer": one_of(IDS),
                    "terminal": "t",
                    "device": one_of(("", "dev-1", "dev-2\0")),
                    "address": "",
                },
                attributes={
                    "country": one_of(COUNTRIES),
                    "channel": one_of(("web", "12.5", "", "nan", "1e3")),
                },
                features={name: one_of(values) for name, values in FEATURES.items()},
            )
        )
    return found


def columns(rows: list[ScoredTransaction]) -> dict[str, np.ndarray]:
    """The same as columns of a block."""
    told: dict[str, np.ndarray] = {}
    for name in ScoredTransaction.model_fields:
        values = [getattr(row, name) for row in rows]
        if rows and isinstance(values[0], dict):
            for key in values[0]:
                told[f"{name}.{key}"] = np.array([value[key] for value in values])
        elif name != "schema_version":
            told[name] = np.array(values)
    return told

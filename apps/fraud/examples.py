"""Transactions as examples: in the API's documentation, and for the conformance suite."""

from collections.abc import Mapping

from apps.fraud.schema import ScoredTransaction
from loupe.contract.runtime.payload import JsonValue

ROWS: tuple[Mapping[str, JsonValue], ...] = (
    {
        "id": "T-2026-000117",
        "time": "2026-03-03T14:05:11Z",
        "amount": "42.50",
        "currency": "EUR",
        "customer": "C-1041",
        "terminal": "M-77",
        "device": "d2f1c0",
        "address": "203.0.113.9",
        "country": "DE",
        "channel": "web",
    },
)
"""As callers send them, under the scheme that a project starts with."""

_AT = 1_772_546_711_000


def transactions() -> tuple[ScoredTransaction, ...]:
    """One for each outcome of the default operating point, mildest first."""
    return tuple(
        ScoredTransaction(
            id=f"T-{number}",
            sequence=number,
            event_time=_AT + number * 60_000,
            known_at=_AT + number * 60_000 + 140,
            amount=amount,
            amount_original=amount,
            currency="EUR",
            late=False,
            history=history,
            score=score,
            entities={"customer": f"C-{number}", "terminal": "M-77", "device": "d2f1c0"},
            attributes={"country": "DE", "channel": "web"},
            features={"customer_count_1h": float(number), "amount_ratio": 1.0 + number},
        )
        for number, (score, amount, history) in enumerate(
            ((0.02, 1_250, 210), (0.74, 18_900, 34), (0.93, 42_500, 3), (0.997, 99_900, 0))
        )
    )

"""Seeded streams of transactions: with ties, late events, empty ids and many shared entities."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loupe.contract.runtime.payload import Payload

START = 1_700_000_000_000
HOUR = 3_600_000
Columns = dict[str, NDArray[Any]]


def batch(number: int, rows: int = 20, *, seed: int = 0, apart: int = 60_000) -> Columns:
    """The batch of that number in an endless stream, `apart` milliseconds a transaction."""
    random = np.random.default_rng([seed, number])
    numbers = np.arange(number * rows, (number + 1) * rows)
    known = START + numbers // 2 * 2 * apart
    late = random.integers(0, 20, rows) == 0

    def some(word: str, count: int, share: float = 1.0) -> NDArray[np.str_]:
        names = np.array([f"{word}-{n}" for n in random.integers(0, count, rows)])
        return np.where(random.random(rows) < share, names, "")

    amounts = random.integers(1, 100_000, rows)
    return {
        "id": np.array([f"transaction-{n}" for n in numbers]),
        "event_time": known - np.where(late, random.integers(0, 30 * HOUR, rows), 100),
        "known_at": known,
        "amount": amounts,
        "amount_original": amounts,
        "currency": np.full(rows, "EUR"),
        "entity.customer": some("客户", 40),
        "entity.terminal": some("terminal", 15),
        "entity.device": some("device", 30, 0.8),
        "entity.address": some("10.0.0", 12, 0.9),
        "attribute.country": some("C", 4),
        "attribute.channel": some("channel", 2),
    }


def rows(columns: Columns, **meta: Any) -> Payload:
    """A request for their features."""
    return Payload(arrays=columns, meta={"project": "shop", **meta})


def labels(number: int, batch_rows: int = 20, **meta: Any) -> Payload:
    """Labels of five transactions: of a batch that came, and of one that did not yet."""
    random = np.random.default_rng([7, number])
    first = max(0, (number - 8) * batch_rows)
    ids = [f"transaction-{n}" for n in random.integers(first, (number + 2) * batch_rows, 5)]
    known = START + number * batch_rows * 60_000
    told: dict[str, Any] = {
        "project": "shop", "kind": "labels", "ids": ids,
        "labels": random.integers(0, 2, 5).tolist(), "known_at": [known] * 5, **meta,
    }  # fmt: skip
    return Payload(meta=told)


def listed(number: int, **meta: Any) -> Payload:
    """An entry of a list, or its end."""
    return Payload(
        meta={
            "project": "shop", "kind": "list", "list": ("watch", "allow", "snooze")[number % 3],
            "op": "remove" if number % 5 == 4 else "add", "entity": "customer",
            "key": f"客户-{number % 11}", "expires_at": -1 if number % 2 else START + 10**10,
            **meta,
        }
    )  # fmt: skip


def work(count: int) -> list[Payload]:
    """Requests of every kind, as a day of work mixes them."""
    found: list[Payload] = []
    for number in range(count):
        if number % 9 == 5:
            found.append(labels(number))
        elif number % 13 == 7:
            found.append(listed(number))
        elif number % 17 == 11:
            found.append(rows(batch(number // 2)))  # sent again
        elif number % 7 == 3:
            found.append(rows(batch(number), session="job-1"))
        else:
            found.append(rows(batch(number)))
    return found


def plain(answer: Payload) -> dict[str, list[Any]]:
    """An answer for comparison, floats by their bits."""
    told: Mapping[str, NDArray[Any]] = answer.arrays
    return {
        name: (array.view(f"i{array.itemsize}") if array.dtype.kind == "f" else array).tolist()
        for name, array in told.items()
    } | {"meta": [answer.meta.get("counted")]}

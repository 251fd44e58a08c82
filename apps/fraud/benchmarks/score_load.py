"""Seeded batches of card payments as Arrow IPC streams, on the disk so that memory stays flat.

A bank of 200,000 customers: a million payments take forty days, longer than any window, so a state
that has seen a million holds as many from then on. Customers, their devices and addresses come and
go, 50,000 with every million payments, as a bank's do over years.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from apps.fraud.live.encoding import Columns, batch

START = 1_750_000_000_000
ODD = np.uint64(0x9E3779B97F4A7C15)
"""Numbers times this are different and in no order, as ids of payments are."""
CUSTOMERS, TERMINALS, DEVICES, ADDRESSES = 200_000, 20_000, 150_000, 60_000
APART_MS = 3_500.0
"""Of event time between two payments."""
A_NEW_ONE = 20
"""Payments until one customer has gone and another one come; 0: they stay."""


class Load:
    """`count` batches of `rows` payments, each `apart_ms` after the one before it; one customer in
    `a_new_one` payments goes and another one comes."""

    def __init__(
        self, folder: Path, rows: int, *, seed: int = 0, apart_ms: float = APART_MS,
        a_new_one: int = A_NEW_ONE,
    ) -> None:  # fmt: skip
        self.rows, self.apart_ms, self.a_new_one = rows, apart_ms, a_new_one
        self._path = folder / f"load-{rows}"
        self._random = np.random.default_rng(seed)
        self._places: list[tuple[int, int]] = []
        self._next = 0

    def make(self, count: int) -> None:
        """Have `count` more batches on the disk, all of them before it returns: left to the system
        they would be written while something is measured."""
        with self._path.open("ab") as file:
            for _ in range(count):
                body = encoded(self.columns())
                self._places.append((file.tell(), len(body)))
                file.write(body)
            file.flush()
            os.fsync(file.fileno())

    def columns(self) -> dict[str, np.ndarray]:
        """The next batch as columns."""
        random, rows = self._random, self.rows
        numbers = np.arange(self._next, self._next + rows)
        self._next += rows
        known = START + (numbers * self.apart_ms).astype(np.int64)
        moved = numbers // self.a_new_one if self.a_new_one else numbers * 0
        customers = moved + CUSTOMERS - (CUSTOMERS * random.random(rows) ** 1.5).astype(np.int64)
        own = random.random(rows) < 0.9  # mostly the customer's own device and address

        def shared(kinds: int) -> np.ndarray:
            other = moved + random.integers(0, CUSTOMERS, rows)
            holders: np.ndarray = np.where(own, customers, other) * kinds // CUSTOMERS
            return holders

        devices, addresses = shared(DEVICES), shared(ADDRESSES)
        terminals = (TERMINALS * random.random(rows) ** 2).astype(np.int64)
        amounts = np.round(np.exp(random.normal(8, 1, rows))).astype(np.int64) + 1

        def named(word: str, ids: np.ndarray) -> np.ndarray:
            return np.char.add(word, ids.astype(np.str_))

        return {
            "id": named("", numbers.astype(np.uint64) * ODD),
            "event_time": known - random.integers(0, 200, rows),
            "known_at": known,
            "amount": amounts,
            "amount_original": amounts,
            "currency": np.full(rows, "EUR"),
            "entity.customer": named("c-", customers),
            "entity.terminal": named("t-", terminals),
            "entity.device": named("d-", devices),
            "entity.address": named("10.0.", addresses),
            "attribute.country": np.array(["DE", "FR", "NL"])[customers % 3],
            "attribute.channel": np.array(["web", "pos"])[terminals % 2],
        }

    def bodies(self, first: int, stop: int | None = None) -> Iterator[bytes]:
        """Batches by their place, read one by one."""
        with self._path.open("rb") as file:
            for offset, size in self._places[first:stop]:
                file.seek(offset)
                yield file.read(size)

    def __len__(self) -> int:
        return len(self._places)


def encoded(columns: Columns) -> bytes:
    """Columns as an Arrow IPC stream."""
    table = batch(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_batch(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body

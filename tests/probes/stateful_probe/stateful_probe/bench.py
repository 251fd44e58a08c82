"""``manage.py bench stateful-rows``: rows a second through the synchronous path, and through less.

Arrow batches go over HTTP to a Loupe started for the purpose; each is journalled, decided and
stored before it is answered. Beside it: the live service alone, and the bare state in memory.
"""

import argparse
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
import pyarrow as pa

from loupe.contract.runtime.payload import Payload
from loupe.testing import installation
from loupe.testing.engine import running_engine
from stateful_probe.sums import RunningSums

ARROW = "application/vnd.apache.arrow.stream"
GOAL = 20_000
Work = TypeVar("Work")


def batches(count: int, rows: int) -> list[Payload]:
    """`count` seeded batches of `rows` payments."""
    random = np.random.default_rng(0)
    return [
        Payload(
            arrays={
                "account": random.integers(0, 100_000, rows),
                "cents": random.integers(0, 10_000, rows),
            }
        )
        for _ in range(count)
    ]


def encoded(batch: Payload) -> bytes:
    """The batch as an Arrow IPC stream."""
    table = pa.table({name: pa.array(column) for name, column in batch.arrays.items()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def seconds(do: Callable[[Work], object], work: Iterable[Work]) -> float:
    """Wall time of `do` over all of `work`, one after the other."""
    start = time.perf_counter()
    for one in work:
        do(one)
    return time.perf_counter() - start


def over_http(work: list[Payload]) -> float:
    """Seconds for all batches, each answered with 200."""
    bodies = [encoded(batch) for batch in work]
    with installation.own() as loupe:

        def post(body: bytes) -> None:
            answer = loupe.http.post(
                "/api/v1/stateful_probe/score",
                params={"project": loupe.project},
                content=body,
                headers={"Content-Type": ARROW, "Accept": ARROW},
            )
            answer.raise_for_status()

        seconds(post, bodies[:10])
        return seconds(post, bodies)


def in_engine(work: list[Payload]) -> float:
    """Seconds for all batches through the engine's live service."""
    with running_engine() as client:

        def apply(batch: Payload) -> None:
            client.apply("stateful_probe", uuid.uuid4().hex, batch, deadline_ms=10_000)

        seconds(apply, work[:10])
        return seconds(apply, work)


def main(arguments: list[str]) -> int:
    """Print one JSON line; 0 when the synchronous path reaches the goal."""
    parser = argparse.ArgumentParser(prog="bench stateful-rows")
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    options = parser.parse_args(arguments)
    work = batches(options.batches, options.rows)
    rows = options.batches * options.rows
    http, engine = over_http(work), in_engine(work)
    bare = seconds(RunningSums().apply, work)
    report = {
        "rows_per_batch": options.rows,
        "http_rows_per_second": round(rows / http),
        "engine_rows_per_second": round(rows / engine),
        "bare_rows_per_second": round(rows / bare),
        "ratio_to_bare": round(bare / http, 4),
        "goal": GOAL,
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 0 if rows / http >= GOAL else 1

"""``manage.py bench stateful-rows``: rows per second through the engine's live service."""

import argparse
import json
import sys
import time
import uuid
from pathlib import Path

import numpy as np

from loupe.contract.runtime.payload import Payload
from loupe.testing.engine import running_engine
from stateful_probe.sums import RunningSums


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


def main(arguments: list[str]) -> int:
    """Print rows/s durable in the engine, rows/s of the bare state in memory, and their ratio."""
    parser = argparse.ArgumentParser(prog="bench stateful-rows")
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    options = parser.parse_args(arguments)
    work = batches(options.batches, options.rows)
    with running_engine() as client:
        client.apply("stateful_probe", uuid.uuid4().hex, work[0], deadline_ms=10_000)
        start = time.perf_counter()
        for batch in work:
            client.apply("stateful_probe", uuid.uuid4().hex, batch, deadline_ms=10_000)
        durable = options.batches * options.rows / (time.perf_counter() - start)
    bare_state = RunningSums()
    start = time.perf_counter()
    for batch in work:
        bare_state.apply(batch)
    bare = options.batches * options.rows / (time.perf_counter() - start)
    report = {
        "rows_per_second": round(durable),
        "bare_rows_per_second": round(bare),
        "ratio": round(durable / bare, 4),
        "rows_per_batch": options.rows,
        "host": Path("/proc/cpuinfo").read_text().count("processor\t"),
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 0

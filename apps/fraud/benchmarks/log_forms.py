"""``manage.py bench fraud-log``: transactions as database rows beside columnar segments.

The same batches go into SQLite (WAL, one commit a batch, without and with a unique index on the
id), and into the live service's log: a journal synced at each batch, segments of Arrow made of it
in the background, and those compacted to Parquet. Printed are transactions a second, each batch
safe on the disk before the next, and bytes a transaction; what comes back is compared.
"""

import argparse
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from apps.fraud.benchmarks.score_load import Load
from apps.fraud.benchmarks.score_paths import read
from apps.fraud.live.compacting import compact
from apps.fraud.live.log import Log
from apps.fraud.live.segments import Segment

KEY = (1, 2)


def main(arguments: list[str]) -> int:
    """Print one JSON line a form; 1 where what comes back differs."""
    parser = argparse.ArgumentParser(prog="manage.py bench fraud-log")
    parser.add_argument("--transactions", type=int, default=300_000)
    parser.add_argument("--rows", type=int, default=1_000)
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="loupe-bench-") as name:
        folder = Path(name)
        load = Load(folder, options.rows)
        load.make(options.transactions // options.rows)
        bodies = list(load.bodies(0))
        sums = [
            _sqlite(folder / "plain.db", bodies, "id TEXT", "rows"),
            _sqlite(folder / "unique.db", bodies, "id TEXT UNIQUE", "rows, unique id"),
            _segments(folder, bodies),
        ]
    return int(len(set(sums)) > 1)


def _sqlite(path: Path, bodies: list[bytes], first: str, form: str) -> int:
    """Rows of a table; returns the sum of what is there afterwards."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    names = [f'"{name}"' for name in read(bodies[0])]
    database.execute(f"CREATE TABLE t ({first}, {', '.join(names[1:])})")
    into = f"INSERT INTO t VALUES ({', '.join('?' * len(names))})"  # noqa: S608

    def write(body: bytes) -> None:
        columns = read(body)
        database.execute("BEGIN")
        database.executemany(into, zip(*(one.tolist() for one in columns.values()), strict=True))
        database.execute("COMMIT")

    seconds, count = _timed(write, bodies)
    total = int(database.execute("SELECT SUM(amount) FROM t").fetchone()[0])
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    _say(form, count, seconds, path.stat().st_size)
    return total


def _segments(folder: Path, bodies: list[bytes]) -> int:
    """Journal and segments; returns the sum of what the compacted segments hold."""
    log = Log(KEY, ThreadPoolExecutor(1), folder)
    journal = os.open(folder / "journal", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def write(body: bytes) -> None:
        os.write(journal, body)
        os.fdatasync(journal)
        log.append(read(body), (), None)

    seconds, count = _timed(write, bodies)
    log.close_part()
    log.take_over(wait=True)
    _say("Arrow segments, journalled", count, seconds, _size(log.segments))
    start = time.perf_counter()
    whole = compact(log.segments, KEY, folder)
    took = time.perf_counter() - start
    _say("compacted to Parquet", count, took, whole.nbytes)
    amounts = whole.table(["amount"])["amount"].to_numpy()
    total = int(np.sum(amounts, dtype=np.int64))
    os.close(journal)
    return total


def _size(segments: list[Segment]) -> int:
    return sum(segment.nbytes for segment in segments)


def _timed(write: Callable[[bytes], None], bodies: list[bytes]) -> tuple[float, int]:
    rows = len(read(bodies[0])["id"])
    start = time.perf_counter()
    for body in bodies:
        write(body)
    return time.perf_counter() - start, rows * len(bodies)


def _say(form: str, count: int, seconds: float, size: int) -> None:
    line = {
        "form": form, "transactions": count, "per_second": round(count / seconds),
        "bytes_per_transaction": round(size / count, 1),
    }  # fmt: skip
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

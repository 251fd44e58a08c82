"""``manage.py bench fraud-reading``: rows a second from a file to the columns of `events`.

Seeded transactions are written in every format, read in ranges as a job reads them, and compared
with what polars makes of the same file with its own readers and casts, in the same run. polars
reads everything at once, checks nothing but types and names no row: that is what the ratio costs.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from apps.fraud.tables.parsing import parse
from apps.fraud.tables.splitting import split
from loupe.contract.runtime.payload import JsonValue

GOAL = 650_000
"""Rows a second from Parquet: 1.3 million in two seconds."""
Options = dict[str, JsonValue]


def transactions(rows: int) -> pl.DataFrame:
    """Seeded rows in the order of time."""
    random = np.random.default_rng(0)
    at = 1_700_000_000_000 + np.sort(random.integers(0, 10**10, rows))
    cents = random.integers(1, 50_000, rows)
    return pl.DataFrame(
        {
            "id": [f"T{number:08d}" for number in range(rows)],
            "time": pl.Series(at).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
            "amount": [f"{value // 100}.{value % 100:02d}" for value in cents.tolist()],
            "customer": [f"C{value}" for value in random.integers(0, 5_000, rows).tolist()],
            "terminal": [f"M{value}" for value in random.integers(0, 10_000, rows).tolist()],
        }
    )


def ours(path: Path) -> dict[str, np.ndarray]:
    """All ranges of a file, one after the other."""
    options: Options = {"context": {}}
    parts = [parse(path, {**options, **part}).arrays for part in split(path, options)]
    names = ("id", "event_time", "amount")
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def peers(read: Callable[[Path], pl.DataFrame]) -> Callable[[Path], dict[str, np.ndarray]]:
    """The same three columns by polars alone."""

    def columns(path: Path) -> dict[str, np.ndarray]:
        table = read(path).select(
            pl.col("id"),
            pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ").dt.epoch("ms"),
            (pl.col("amount").str.to_decimal(scale=2) * 100).cast(pl.Int64),
            pl.col("customer"),
            pl.col("terminal"),
        )
        found = [table[name].to_numpy() for name in ("id", "time", "amount")]
        return dict(zip(("id", "event_time", "amount"), found, strict=True))

    return columns


def _csv(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


FORMATS: dict[
    str, tuple[Callable[[pl.DataFrame, Path], object], Callable[[Path], pl.DataFrame]]
] = {
    "csv": (pl.DataFrame.write_csv, _csv),
    "json lines": (pl.DataFrame.write_ndjson, pl.read_ndjson),
    "parquet": (pl.DataFrame.write_parquet, pl.read_parquet),
    "arrow": (pl.DataFrame.write_ipc, pl.read_ipc),
    "arrow stream": (pl.DataFrame.write_ipc_stream, pl.read_ipc_stream),
}


def seconds(read: Callable[[Path], object], path: Path, times: int) -> float:
    """The median of several readings."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        read(path)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def main(arguments: list[str]) -> int:
    """Print one JSON line; 0 when Parquet reaches the goal."""
    parser = argparse.ArgumentParser(prog="bench fraud-reading")
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args(arguments)
    table = transactions(options.rows)
    report: dict[str, object] = {"rows": options.rows, "goal_parquet": GOAL}
    best = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, (write, read) in FORMATS.items():
            path = Path(folder) / name.replace(" ", "-")
            write(table, path)
            peer = peers(read)
            mine, theirs = ours(path), peer(path)
            for column, values in theirs.items():
                if mine[column].tolist() != values.tolist():
                    raise SystemExit(f"{name}: {column} differs from what polars reads.")
            own, other = seconds(ours, path, options.times), seconds(peer, path, options.times)
            rate = options.rows / own
            best = rate if name == "parquet" else best
            report[name] = {
                "rows_per_second": round(rate),
                "polars_rows_per_second": round(options.rows / other),
                "ratio_to_polars": round(other / own, 3),
            }
    sys.stdout.write(json.dumps(report) + "\n")
    return 0 if best >= GOAL else 1

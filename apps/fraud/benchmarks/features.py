"""``manage.py bench fraud-features``: features against the Handbook's recipe, and alone.

First the Handbook's fifteen features of a table, reading included: the recipe in pandas once, ours
several times, every value compared before any time is told. Then all features of the default
scheme in batches of 1,000, as a stream of payments comes in, with a history behind them.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.catalogue import HANDBOOK
from apps.fraud.features.state import FeatureState
from apps.fraud.scheme import CARD_PAYMENTS, DAY, EntityType, Scheme

SCHEME: Final = Scheme(
    entities=(
        EntityType(key="customer", en="Customer", zh="客户", role="payer"),
        EntityType(key="terminal", en="Terminal", zh="终端", role="payee", risk=True),
    ),
    windows=(DAY, 7 * DAY, 30 * DAY),
)
"""The Handbook's two entities."""
GOAL: Final = 60
STREAM_GOAL: Final = 100_000
BATCH: Final = 1000
START: Final = 1_522_540_800_000
"""1 April 2018, when the Handbook's data begins."""

Table = dict[str, NDArray[Any]]
_COLUMNS: Final = {
    "id": "TRANSACTION_ID",
    "event_time": "TX_DATETIME",
    "entity.customer": "CUSTOMER_ID",
    "entity.terminal": "TERMINAL_ID",
    "amount": "TX_AMOUNT",
    "label": "TX_FRAUD",
}


def generated(count: int, path: Path) -> Path:
    """A parquet file with the Handbook's columns: 135 days, five customers to ten terminals."""
    draw = np.random.default_rng(7)
    polars = import_module("polars")
    seconds = np.sort(draw.integers(0, 135 * DAY, count))
    customers = max(count // 250, 1)
    frame = polars.DataFrame(
        {
            "TRANSACTION_ID": np.arange(count),
            "TX_DATETIME": (START + seconds * 1000).astype("datetime64[ms]"),
            "CUSTOMER_ID": draw.integers(0, customers, count),
            "TERMINAL_ID": draw.integers(0, 2 * customers, count),
            "TX_AMOUNT": draw.integers(1, 30_000, count) / 100,
            "TX_FRAUD": (draw.random(count) < 0.01).astype(np.int8),
        }
    )
    frame.write_parquet(path)
    return path


def ours(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read the file and make the features, by name."""
    polars = import_module("polars")
    frame = polars.read_parquet(path, columns=list(_COLUMNS.values()))
    frame = frame.sort("TX_DATETIME", maintain_order=True)
    events = {name: frame[column].to_numpy() for name, column in _COLUMNS.items()}
    events["event_time"] = frame["TX_DATETIME"].dt.epoch("ms").to_numpy()
    events["amount"] = np.rint(events["amount"] * 100).astype(np.int64)
    state = FeatureState(SCHEME, mode="event_time", groups=[HANDBOOK], remembered=0)
    return dict(zip(state.names, state.feed(events).values.T, strict=True))


def recipe(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read the file and make the features as the Handbook's chapter 3.4 does, group by group."""
    pandas = import_module("pandas")
    frame = pandas.read_parquet(path, columns=list(_COLUMNS.values()))
    frame = frame.sort_values("TX_DATETIME", kind="stable").reset_index(drop=True)
    hour, weekday = frame["TX_DATETIME"].dt.hour, frame["TX_DATETIME"].dt.day_of_week
    told: dict[str, NDArray[np.float64]] = {
        "amount": frame["TX_AMOUNT"].to_numpy() * 100,
        "night": (hour <= 6).to_numpy(np.float64),
        "weekend": (weekday >= 5).to_numpy(np.float64),
    }

    def spending(group: Any) -> Any:
        amounts = group.set_index("TX_DATETIME")["TX_AMOUNT"]
        for days in (1, 7, 30):
            window = amounts.rolling(f"{days}D")
            count = window.count()
            group[f"customer_count_{days}d"] = count.to_numpy()
            group[f"customer_mean_{days}d"] = (window.sum() / count).to_numpy() * 100
        return group

    def risk(group: Any) -> Any:
        frauds = group.set_index("TX_DATETIME")["TX_FRAUD"]
        waiting = frauds.rolling("7D")
        waiting_frauds, waiting_count = waiting.sum(), waiting.count()
        for days in (1, 7, 30):
            window = frauds.rolling(f"{7 + days}D")
            count = window.count() - waiting_count
            share = (window.sum() - waiting_frauds) / count
            group[f"terminal_seen_{days}d"] = count.to_numpy()
            group[f"terminal_risk_{days}d"] = share.fillna(0).to_numpy()
        return group

    for column, work in (("CUSTOMER_ID", spending), ("TERMINAL_ID", risk)):
        parts = [work(group.copy()) for _, group in frame.groupby(column)]
        whole = pandas.concat(parts).sort_index()
        made = [name for name in whole.columns if name not in frame.columns]
        told.update({name: whole[name].to_numpy() for name in made})
    return told


def compare(mine: dict[str, NDArray[np.float32]], theirs: dict[str, NDArray[np.float64]]) -> None:
    """Raise AssertionError unless counts are equal, and the rest is as far as floats go.

    The recipe sums floats, so its means are right to about 1e-9; ours are exact, rounded to 24
    bits.
    """
    if set(mine) != set(theirs):
        raise AssertionError(f"other features: {sorted(set(mine) ^ set(theirs))}")
    for name, column in theirs.items():
        if "mean" in name or "risk" in name or name == "amount":
            np.testing.assert_allclose(mine[name], column, rtol=2e-7, atol=1e-7, err_msg=name)
        else:
            np.testing.assert_array_equal(mine[name], column, err_msg=name)


def against_the_recipe(path: Path, repeats: int) -> dict[str, object]:
    """One line about a file: rows a second of both sides, their values equal."""
    mine = ours(path)
    start, busy = time.perf_counter(), time.process_time()
    theirs = recipe(path)
    slow, slow_busy = time.perf_counter() - start, time.process_time() - busy
    compare(mine, theirs)
    count, times, busy_times = len(theirs["amount"]), [], []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        ours(path)
        times.append(time.perf_counter() - start)
        busy_times.append(time.process_time() - busy)
    quick, quick_busy = statistics.median(times), statistics.median(busy_times)
    return {
        "what": "the Handbook's features, reading included",
        "rows": count,
        "values": "equal",
        "ours_s": round(quick, 3),
        "ours_cpu_s": round(quick_busy, 3),
        "recipe_s": round(slow, 1),
        "recipe_cpu_s": round(slow_busy, 1),
        "rows_per_s": round(count / quick),
        "times_the_recipe": round(slow / quick, 1),
        "times_by_cpu": round(slow_busy / quick_busy, 1),
        "goal": GOAL,
        "reached": slow / quick >= GOAL,
    }


def payments(number: int, count: int, customers: int) -> Table:
    """A batch of card payments; everyone has a device, households share addresses."""
    draw = np.random.default_rng(number)
    payer = draw.integers(0, customers, count)
    times = START + number * count * 2000 + np.sort(draw.integers(0, count * 2000, count))
    names = {
        "customer": payer,
        "terminal": draw.integers(0, max(customers // 10, 1), count),
        "device": payer + customers * (draw.random(count) < 0.05),
        "address": payer // 3,
    }
    label = (draw.random(count) < 0.01).astype(np.int64)
    return {
        "id": np.char.add("t", np.arange(number * count, (number + 1) * count).astype(np.str_)),
        "event_time": times,
        "known_at": times,
        "amount": draw.integers(1, 30_000, count),
        **{f"entity.{key}": np.char.add(key[0], ids.astype(np.str_)) for key, ids in names.items()},
        "attribute.country": draw.choice(["DE", "FR", "CN"], count),
        "attribute.channel": draw.choice(["web", "app"], count),
        "label": label,
    }


def stream(history: int, batches: int) -> dict[str, object]:
    """One line about all features of the default scheme after `history` events."""
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    customers, before = 200_000, history // BATCH
    for number in range(before):
        state.feed(payments(number, BATCH, customers))
    times = []
    for number in range(before, before + batches):
        batch = payments(number, BATCH, customers)
        start = time.perf_counter()
        state.feed(batch)
        times.append(time.perf_counter() - start)
    events = batches * BATCH / sum(times)
    return {
        "what": f"{len(state.names)} features of the default scheme, batches of {BATCH:,}",
        "history": history,
        "events_per_s": round(events),
        "p50_ms": round(1e3 * statistics.median(times), 2),
        "p99_ms": round(1e3 * float(np.percentile(times, 99)), 2),
        "bytes_per_event": round(state.nbytes() / max(state.sequence, 1)),
        "goal": STREAM_GOAL,
        "reached": events >= STREAM_GOAL,
    }


def main(arguments: Sequence[str]) -> int:
    """Print one JSON line a measurement; 1 where values differ."""
    parser = argparse.ArgumentParser(prog="bench fraud-features", description=__doc__)
    parser.add_argument("--rows", type=Path, help="parquet with the Handbook's columns")
    parser.add_argument(
        "--generate", type=int, default=100_000, help="rows, where no file is given"
    )
    parser.add_argument("--history", type=int, default=1_000_000, help="0 leaves the stream out")
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="loupe-bench-") as folder:
        path = options.rows or generated(options.generate, Path(folder) / "rows.parquet")
        try:
            line = against_the_recipe(path, options.repeats)
        except AssertionError as error:
            print(f"Values differ: {error}", file=sys.stderr)
            return 1
    print(json.dumps(line), flush=True)
    if options.history:
        print(json.dumps(stream(options.history, options.batches)), flush=True)
    return 0

"""`windowed_state` on one core against the Handbook's pandas recipe and polars.

`python -m core_kernels.benchmarks.windowed_state --rows FILE` measures the rows of a parquet file
with the Handbook's columns: its whole length once through the recipe, the values compared.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core_kernels.benchmarks.harness import Case, Goal, Run
from core_kernels.dispatch.windowed_state import Entity, WindowedState

DAY = 86_400
_WINDOWS = (DAY, 7 * DAY, 30 * DAY)

#: The features of the Handbook's baseline: three windows of two entities, and a delayed risk.
HANDBOOK = (
    Entity(name="customer", windows=_WINDOWS),
    Entity(name="terminal", windows=_WINDOWS, delay=7 * DAY, risk_windows=_WINDOWS),
)

#: Events per call, as a stream is fed.
_BATCH = 16_384

Rows = dict[str, Any]


def generated(count: int, *, customers: int, terminals: int, days: int, seed: int = 0) -> Rows:
    """Payments at times that tie now and then; one in a hundred is a fraud."""
    draw = np.random.default_rng(seed)
    return {
        "times": np.sort(draw.integers(0, days * DAY, count)),
        "ids": {
            "customer": draw.integers(0, customers, count),
            "terminal": draw.integers(0, terminals, count),
        },
        "amounts": draw.integers(1, 30_000, count),
        "labels": (draw.random(count) < 0.01).astype(np.int8),
    }


def read(path: Path) -> Rows:
    """The rows of a parquet file with the Handbook's columns, in order of time."""
    frame = import_module("polars").read_parquet(path)
    frame = frame.sort("TX_TIME_SECONDS", maintain_order=True)
    return {
        "times": frame["TX_TIME_SECONDS"].cast(int).to_numpy(),
        "ids": {
            name: frame[f"{name.upper()}_ID"].cast(int).to_numpy()
            for name in ("customer", "terminal")
        },
        "amounts": (frame["TX_AMOUNT"].cast(float) * 100).round().cast(int).to_numpy(),
        "labels": frame["TX_FRAUD"].cast(int).to_numpy(),
    }


def recipe(rows: Rows) -> dict[str, NDArray[Any]]:
    """The baseline features of the Handbook (chapter 3.4), group by group in pandas.

    For customers the count and mean amount of each window; for terminals the count and the share
    of frauds of the windows that end seven days before the payment.
    """
    pandas = import_module("pandas")
    frame = pandas.DataFrame(
        {
            "when": pandas.to_datetime(rows["times"], unit="s"),
            "amount": rows["amounts"] / 100,
            "fraud": rows["labels"],
            **rows["ids"],
        }
    )

    def spending(group: Any) -> Any:
        dated = group.set_index("when")
        for days in (1, 7, 30):
            held = dated["amount"].rolling(f"{days}D")
            count = held.count()
            group[f"customer_count_{days}"] = count.to_numpy()
            group[f"customer_mean_{days}"] = (held.sum() / count).to_numpy()
        return group

    def risk(group: Any) -> Any:
        dated = group.set_index("when")["fraud"]
        fresh = dated.rolling("7D")
        fresh_frauds, fresh_count = fresh.sum(), fresh.count()
        for days in (1, 7, 30):
            held = dated.rolling(f"{7 + days}D")
            frauds, count = held.sum() - fresh_frauds, held.count() - fresh_count
            group[f"terminal_count_{days}"] = count.to_numpy()
            group[f"terminal_risk_{days}"] = (frauds / count).fillna(0).to_numpy()
        return group

    for name, work in (("customer", spending), ("terminal", risk)):
        parts = [work(group.copy()) for _, group in frame.groupby(name)]
        frame = pandas.concat(parts).sort_index()
    told = [name for name in frame.columns if name[-1].isdigit()]
    return {name: frame[name].to_numpy() for name in told}


def stream(rows: Rows) -> WindowedState:
    """All rows in batches through a fresh state."""
    state = WindowedState(HANDBOOK)
    for start in range(0, len(rows["times"]), _BATCH):
        state.feed(**_part(rows, slice(start, start + _BATCH)))
    return state


def _part(rows: Rows, part: slice) -> Rows:
    ids = {name: column[part] for name, column in rows["ids"].items()}
    return {name: value[part] for name, value in rows.items() if name != "ids"} | {"ids": ids}


def compare(rows: Rows, features: dict[str, NDArray[Any]]) -> None:
    """Raise AssertionError unless the recipe's features are ours: exact, means to 1e-9."""
    answers = WindowedState(HANDBOOK).feed(**rows)
    told = answers.columns()
    for days in (1, 7, 30):
        window = days * DAY
        count = told[f"customer_count_{window}"]
        mean = told[f"customer_sum_{window}"] / count / 100
        np.testing.assert_array_equal(count, features[f"customer_count_{days}"])
        np.testing.assert_allclose(mean, features[f"customer_mean_{days}"], rtol=1e-9)
        seen = told[f"terminal_seen_{window}"]
        np.testing.assert_array_equal(seen, features[f"terminal_count_{days}"])
        share = answers.risk("terminal", window)
        np.testing.assert_allclose(share, features[f"terminal_risk_{days}"], rtol=1e-12)


def rolled(rows: Rows) -> Callable[[], object] | None:
    """Polars' rolling groups for the windows alone, without risk; counts later ties too."""
    if find_spec("polars") is None:
        return None
    polars = import_module("polars")
    frame = polars.DataFrame({"time": rows["times"], "amount": rows["amounts"], **rows["ids"]})

    def run() -> object:
        return [
            frame.rolling("time", period=f"{window}i", group_by=entity.name).agg(
                polars.len(),
                polars.col("amount").sum(),
                (polars.col("amount") ** 2).sum().alias("q"),
            )
            for entity in HANDBOOK
            for window in entity.windows
        ]

    return run


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """A hundred thousand payments beside the recipe, then long streams of few and many entities."""
    if device.type != "cpu":
        return
    pandas = find_spec("pandas") is not None
    few = generated(5_000 if quick else 100_000, customers=400, terminals=800, days=135)
    peers: dict[str, Run | None] = {
        "pandas, the Handbook's recipe": (lambda: recipe(few)) if pandas else None,
        "polars, without risk": rolled(few),
    }
    yield Case(
        operation="windowed_state",
        label=f"{len(few['times']):,} events, 400 customers, 800 terminals, one core",
        ours=lambda: stream(few),
        check=lambda: compare(few, recipe(few)) if pandas else None,
        peers=peers,
        units=len(few["times"]),
        goals=(Goal(ratio=100, peer="pandas, the Handbook's recipe"),),
    )
    for entities, count, rate in ((5_000, 1_300_000, 2e6), (1_000_000, 4_000_000, 1e6)):
        number = count // 100 if quick else count
        rows = generated(number, customers=entities, terminals=2 * entities, days=135)
        yield _long(rows, f"{number:,} events, {entities:,} customers, one core", rate)


def _long(rows: Rows, label: str, rate: float) -> Case:
    def check() -> None:
        whole = WindowedState(HANDBOOK).feed(**_part(rows, slice(0, 40_000))).columns()
        state = WindowedState(HANDBOOK)
        for start in (0, 10_000, 30_000):
            stop = {0: 10_000, 10_000: 30_000, 30_000: 40_000}[start]
            for name, column in state.feed(**_part(rows, slice(start, stop))).columns().items():
                np.testing.assert_array_equal(column, whole[name][start:stop])

    count = len(rows["times"])
    return Case(
        operation="windowed_state",
        label=label,
        ours=lambda: stream(rows),
        check=check,
        units=count,
        goals=(Goal(milliseconds=count / rate * 1e3),),
    )


def main() -> None:
    """Measure a file's rows: ours, the recipe once, and that their values agree."""
    parser = argparse.ArgumentParser(prog="python -m core_kernels.benchmarks.windowed_state")
    parser.add_argument("--rows", type=Path, required=True, help="parquet with TX_… columns")
    rows = read(parser.parse_args().rows)
    count = len(rows["times"])
    stream(_part(rows, slice(0, 1000)))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        state = stream(rows)
        times.append(time.perf_counter() - start)
    ours = sorted(times)[2]
    print(
        f"{count:,} events: {count / ours:,.0f} a second, {state.nbytes() / count:.0f} bytes each"
    )
    start = time.perf_counter()
    features = recipe(rows)
    theirs = time.perf_counter() - start
    compare(rows, features)
    print(f"pandas, the Handbook's recipe: {count / theirs:,.0f} a second, {theirs / ours:.0f} ×")
    print("values equal")


if __name__ == "__main__":
    main()

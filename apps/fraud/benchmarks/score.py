"""``manage.py bench fraud-score``: payments a second through the whole path, beside a usual peer.

An Arrow batch is read, journalled and synced; ids are looked up among 3.4 million, as many as 40
payments a second make in 24 hours; features come from live state; 300 trees score; rules and
cut-offs decide. One million payments of history come first and fill every window.
Then the path runs for `--seconds`: in this process, through the engine's socket, and over HTTP,
there also one payment a request at `--rate` a second. In this process batches are sent as fast as
they are answered, and then for as long again arrive at `--offered` payments a second, by chance and
whether or not the path keeps up, timed from when each was due: what a batch may take is judged at
that rate. The peer raises and reads bucketed counters in Valkey and scores with XGBoost, payment by
payment and in batches, on the same payments.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import xgboost as xgb

from apps.fraud.benchmarks import (
    score_model,
    score_pace,
    score_paths,
    score_peer,
    score_singles,
)
from apps.fraud.benchmarks.score_load import A_NEW_ONE, Load
from apps.fraud.benchmarks.score_stages import Stages
from apps.fraud.inference.runner import ForestRunner
from apps.fraud.live.service import FraudService
from loupe.contract.runtime.payload import Payload
from loupe.testing import installation
from loupe.testing.engine import installed

GOAL_PER_SECOND, GOAL_P99_MS, GOAL_SINGLE, GOAL_BATCHED = 40_000, 50.0, 30.0, 5.0
GOAL_ONE_P50_MS, GOAL_ONE_P99_MS = 6.0, 25.0
PATHS = ("process", "engine", "http")
PROCESSES = {"web": "uvicorn", "engine": "loupe.engine"}
"""What answers over HTTP, by a word of its command."""
FITTED_ROWS = 30_000
MOST_PER_SECOND = 80_000
"""Of this path on two cores, with room: so many batches are made before."""


def main(arguments: list[str]) -> int:
    """Print one JSON line a way and one of ratios; 0 when the goals hold in this process."""
    parser = argparse.ArgumentParser(prog="manage.py bench fraud-score")
    parser.add_argument("--history", type=int, default=1_000_000, help="payments before")
    parser.add_argument(
        "--a-new-one", type=int, default=A_NEW_ONE,
        help="payments until one customer goes and another comes; 0: they stay",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=120.0, help="how long each way runs")
    parser.add_argument("--rows", type=int, default=1_000, help="payments in a batch")
    parser.add_argument("--paths", default="process,engine", help=",".join(PATHS))
    parser.add_argument(
        "--offered", type=float, default=45_000.0,
        help="in this process also batches that arrive, so many payments a second; 0: not at all",
    )  # fmt: skip
    parser.add_argument("--peer-payments", type=int, default=20_000)
    parser.add_argument(
        "--rate", type=float, default=300.0,
        help="over http also one payment a request, so many a second; 0: not at all",
    )  # fmt: skip
    parser.add_argument("--single-seconds", type=float, default=30.0, help="how long that runs")
    parser.add_argument(
        "--horizon-days", type=int, default=score_paths.HORIZON_DAYS,
        help="of event time that ids and features are kept; then segments are compacted",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="loupe-bench-") as name:
        folder = Path(name)
        load = Load(folder, options.rows, a_new_one=options.a_new_one)
        load.make(options.history // options.rows)
        artefact, manifest = _model(folder)
        ours: dict[str, Told] = {}
        for path in options.paths.split(","):
            with ExitStack() as stack:
                ours[path] = _measured(path, load, options, artefact, manifest, folder, stack)
        peer = _peer(load, options.peer_payments)
    best = ours[options.paths.split(",")[0]]
    ratios = {
        "ratio_to_single": round(best.saturated.per_second / peer["single_per_second"], 1),
        "ratio_to_batched": round(best.saturated.per_second / peer["batched_per_second"], 1),
        "goals": [GOAL_SINGLE, GOAL_BATCHED],
    }
    _say({"peer": peer, **ratios})
    judged = best.arriving or best.saturated
    return int(
        judged.per_second < GOAL_PER_SECOND
        or judged.p99_ms > GOAL_P99_MS
        or ratios["ratio_to_single"] < GOAL_SINGLE  # type: ignore[operator]
        or ratios["ratio_to_batched"] < GOAL_BATCHED  # type: ignore[operator]
    )


@dataclass(frozen=True, kw_only=True)
class Told:
    """How one way did, as fast as it answers and, in this process, at the rate that is offered."""

    saturated: score_pace.Measured
    arriving: score_pace.Measured | None = None


def _model(folder: Path) -> tuple[Path, dict[str, object]]:
    """Trees on features of a first stretch; their margins are checked against XGBoost's."""
    first = Load(folder, 1_000, seed=1)
    service, parts = FraudService(), []
    for _ in range(FITTED_ROWS // 1_000):
        told = service.apply(Payload(arrays=first.columns(), meta={"project": "fit"}))
        names = [str(one) for one in told.meta["feature_names"]]  # type: ignore[union-attr]
        parts.append(np.stack([told.arrays[f"feature.{one}"] for one in names], axis=1))
    values = np.concatenate(parts)
    booster = score_model.fitted(values)
    artefact = score_model.artefact(booster, names, folder / "artefact")
    manifest = json.loads((artefact / "manifest.json").read_text())
    runner = ForestRunner(artefact, manifest)
    (scored,) = runner.infer([told], score_paths.NoClock())
    expected = booster.inplace_predict(parts[-1], predict_type="margin")
    if not np.array_equal(scored.arrays["margin"], expected):
        raise RuntimeError("The forest's margins are not those of XGBoost.")
    return artefact, manifest


def _measured(
    path: str, load: Load, options: argparse.Namespace, artefact: Path,
    manifest: dict[str, object], folder: Path, stack: ExitStack,
) -> Told:  # fmt: skip
    """One way: history, then the time that is measured."""
    history = options.history // options.rows
    score, process = _opened(
        path, artefact, manifest, folder, options.horizon_days, stack
    )  # fmt: skip
    for body in load.bodies(0, history):
        score(body)
    # Sending costs no time that is measured, and the load needs no more memory than a batch.
    begun, wanted = time.perf_counter(), history
    pace = score_pace.sustained(score, load.bodies(0, 3), options.rows, 60)
    wanted += int(options.seconds * 1.5 * max(pace.per_second, MOST_PER_SECOND) / options.rows)
    if wanted > len(load):
        load.make(wanted - len(load))
    told, line = _watched(
        score, process, options, lambda: score_pace.sustained(
            score, load.bodies(history), options.rows, options.seconds
        ),
    )  # fmt: skip
    line = {"path": path, **line}
    arriving = None
    if isinstance(score, score_paths.InProcess):
        if options.offered > 0:
            sent = history + told.batches
            due = int(options.seconds * 1.2 * options.offered / options.rows) + 10
            load.make(max(0, sent + due - len(load)))
            arriving, at_rate = _watched(
                score, process, options, lambda: score_pace.arriving(
                    score, load.bodies(sent), options.rows, options.offered, options.seconds
                ),
            )  # fmt: skip
            goals = [GOAL_PER_SECOND, GOAL_P99_MS]
            line["arriving"] = {"rate": options.offered, **at_rate, "goals": goals}
        line["state"] = score.service.ask(Payload(meta={"project": "bench"})).meta
    if isinstance(score, score_paths.OverHttp) and options.rate > 0:
        line["entities_counted_s"] = score.counted()
        single = Load(folder, 1_000, seed=2)
        spent = {name: _spent(_pid(word)) for name, word in PROCESSES.items()}
        found = score_singles.measured(
            score.http, score.project, single, options.rate, options.single_seconds
        )
        each = {
            name: round((_spent(_pid(word)) - spent[name]) * 1e3 / found.requests, 2)
            for name, word in PROCESSES.items()
        }
        goals = [GOAL_ONE_P50_MS, GOAL_ONE_P99_MS]
        line["one_by_one"] = {**asdict(found), "processor_ms_per_request": each, "goals": goals}
    _say({**line, "prepared_s": round(time.perf_counter() - begun, 1)})
    return Told(saturated=told, arriving=arriving)


def _watched(
    score: score_paths.Path_, process: int, options: argparse.Namespace,
    send: Callable[[], score_pace.Measured],
) -> tuple[score_pace.Measured, dict[str, object]]:  # fmt: skip
    """What `send` measures, with memory before, meanwhile and after it; and all of it as told."""
    held, busy = [_rss(process)], _busy(process)
    parts = [_parts(score)]

    def look() -> None:
        held.append(_rss(process))
        parts.append(_parts(score))

    with ExitStack() as watched:
        watched.enter_context(_every(options.seconds / 6, look))
        if isinstance(score, score_paths.InProcess):
            score.stages, score.snapshots = Stages(), []
            watched.enter_context(score.stages.collections())
        told = send()
    busy = (_busy(process) - busy) * 1e6 / max(1, told.batches * options.rows)
    line: dict[str, object] = {name: round(value, 2) for name, value in asdict(told).items()}
    line["processor_us_per_payment"] = round(busy, 1)
    line["rss_mib"], line["load_average"] = [*held, _rss(process)], os.getloadavg()[0]
    if isinstance(score, score_paths.InProcess):
        line["parts"] = {name: [one[name] for one in parts] for name in parts[0]}
        line["snapshots"] = score.snapshots
        line["slowest"] = score.stages.slowest()
    return told, line


def _opened(
    path: str, artefact: Path, manifest: dict[str, object], folder: Path, days: int,
    stack: ExitStack,
) -> tuple[score_paths.Path_, int]:  # fmt: skip
    if path == "process":
        below = folder / "process"
        below.mkdir()
        here = score_paths.InProcess(artefact, manifest, below, days)
        stack.callback(here.close)
        return here, os.getpid()
    if path == "engine":
        models = folder / "models"
        installed(artefact, models, score_paths.MODEL)
        score = stack.enter_context(score_paths.engine(models, days))
        return score, _pid(PROCESSES["engine"])
    loupe = stack.enter_context(installation.own())
    return score_paths.OverHttp(loupe.http, loupe.project), _pid(PROCESSES["engine"])


def _parts(score: score_paths.Path_) -> dict[str, float]:
    """What memory is used for in this process: MiB of features and ids, rows waiting for disk; and
    how long the writer has stood still for those."""
    if not isinstance(score, score_paths.InProcess):
        return {}
    figures = score.service.figures()
    return {
        "state_mib": round(figures["memory_bytes"] / 2**20, 1),
        "entities": figures["entities"],
        "rows_waiting": figures["rows_waiting"],
        "writer_waited_ms": round(figures["waited_seconds"] * 1e3, 1),
    }


def _pid(word: str) -> int:
    """The process among our children's children whose command has `word`.

    Raises:
        RuntimeError: there is none.
    """
    for child in psutil.Process().children(recursive=True):
        try:
            if word in child.cmdline():
                return int(child.pid)
        except psutil.NoSuchProcess:  # it ended meanwhile, or waits for its parent to notice
            continue
    raise RuntimeError(f"No process below this one runs {word}.")


@contextmanager
def _every(seconds: float, do: Callable[[], None]) -> Iterator[None]:
    """Within it, `do` is done again and again."""
    over = threading.Event()

    def again() -> None:
        while not over.wait(seconds):
            do()

    thread = threading.Thread(target=again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _rss(pid: int) -> float:
    """MiB that cannot be dropped: without pages of files."""
    told = psutil.Process(pid).memory_info()
    held = float(told.rss - told.shared)
    return round(held / 2**20, 1)


def _spent(pid: int) -> float:
    """Seconds of processor time of a process, so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _busy(pid: int) -> float:
    """Seconds of processor time of ours and of the engine, so far, with those that wrote bases."""
    times = [psutil.Process(one).cpu_times() for one in {pid, os.getpid()}]
    return float(
        sum(one.user + one.system + one.children_user + one.children_system for one in times)
    )


def _peer(load: Load, payments: int) -> dict[str, float]:
    """Payments a second of the peer, one a call and in batches, after some history."""
    random = np.random.default_rng(0)
    values = random.exponential(10, (5_000, score_peer.FEATURES)).astype(np.float32)
    booster: xgb.Booster = score_model.fitted(values)
    with score_peer.server() as client:
        peer = score_peer.Peer(client, booster)
        batches = [score_paths.read(body) for body in islice(load.bodies(0), payments // load.rows)]
        peer.score(batches[0])
        start = time.perf_counter()
        for batch in batches[1:]:
            peer.score(batch)
        batched = (len(batches) - 1) * load.rows / (time.perf_counter() - start)
        singles = [
            {name: column[n : n + 1] for name, column in batches[-1].items()}
            for n in range(min(500, load.rows))
        ]
        start = time.perf_counter()
        for one in singles:
            peer.score(one)
        single = len(singles) / (time.perf_counter() - start)
    return {"single_per_second": round(single, 1), "batched_per_second": round(batched, 1)}


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

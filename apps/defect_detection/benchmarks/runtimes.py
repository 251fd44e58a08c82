"""``manage.py bench runtimes``: one network on each CPU runtime, and the choice that follows.

Correctness first: boxes against the torch oracle. Latency is one request at a time; throughput
keeps one request a core under way. Runtimes take turns, so that all see the same machine.
"""

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.inference.postprocess import from_raw
from apps.defect_detection.inference.runtimes import RUNTIMES, open_runtime
from apps.defect_detection.inference.runtimes.runtime import Runtime

ARTEFACT = Path(__file__).resolve().parents[1] / "models" / "surfaces"


def main(argv: list[str]) -> int:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="manage.py bench runtimes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=20, help="forwards a round and runtime")
    options = parser.parse_args(argv)
    cores = len(os.sched_getaffinity(0))
    manifest = json.loads((ARTEFACT / "manifest.json").read_text())
    runtimes = {name: open_runtime(ARTEFACT, manifest, name) for name in RUNTIMES}
    blob = np.random.default_rng(0).random((1, 3, 640, 640), np.float32)
    blob = np.round(blob * 255) / np.float32(255)
    oracle = runtimes["torch"].forward(blob)
    alone: dict[str, list[float]] = {name: [] for name in runtimes}
    together: dict[str, list[float]] = {name: [] for name in runtimes}
    for runtime in runtimes.values():
        _latency(runtime, blob, 3)
        _throughput(runtime, blob, cores * 2, cores)
    for _ in range(options.rounds):
        for name, runtime in runtimes.items():
            alone[name].append(_latency(runtime, blob, options.runs))
            together[name].append(_throughput(runtime, blob, options.runs, cores))
    print(f"yolo11n 640², {cores} cores, medians of {options.rounds} paired rounds\n")
    print("| runtime | one at a time, ms | all cores busy, frames/s | largest error |")
    print("|---|---|---|---|")
    for name, runtime in runtimes.items():
        error = _error(runtime.forward(blob), oracle)
        latency, rate = np.median(alone[name]), np.median(together[name])
        print(f"| {name} | {latency:.1f} | {rate:.1f} | {error} |")
    best = max(together, key=lambda name: float(np.median(together[name])))
    print(f"\nFastest with all cores busy: {best}.")
    return 0


def _latency(runtime: Runtime, blob: NDArray[np.float32], runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        runtime.forward(blob)
        times.append((time.perf_counter() - start) * 1e3)
    return float(np.median(times))


def _throughput(runtime: Runtime, blob: NDArray[np.float32], runs: int, cores: int) -> float:
    with ThreadPoolExecutor(cores) as pool:
        start = time.perf_counter()
        list(pool.map(lambda _: runtime.forward(blob), range(runs)))
        return runs / (time.perf_counter() - start)


def _error(output: NDArray[np.float32], oracle: NDArray[np.float32]) -> str:
    """Of raw outputs: pixels of box values, and scores; and whether the boxes kept are as many."""
    pixels = float(np.abs(output[:, :4] - oracle[:, :4]).max())
    scores = float(np.abs(output[:, 4:] - oracle[:, 4:]).max())
    same = len(from_raw(output[0], 0.1, 0.7)) == len(from_raw(oracle[0], 0.1, 0.7))
    return f"{pixels:.4f} px, score {scores:.1e}, {'same' if same else 'other'} count"

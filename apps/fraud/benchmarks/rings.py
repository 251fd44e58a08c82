"""``manage.py bench rings``: how well rings are found, and how fast, beside plain components.

Quality: the benchmark of `apps.fraud.rings.generator` on seeds and, told apart, on shapes that no
tuning has seen, by shape and by size; beside it the same transactions as plain degree-capped
components. Speed: all rings of a million transactions of 200,000 entities at once, and how far the
rings are behind when transactions keep coming; rings fed bit by bit are compared with these.
"""

import argparse
import json
import os
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from apps.fraud.events import ENTITY
from apps.fraud.rings.baseline import components
from apps.fraud.rings.finding import find_rings
from apps.fraud.rings.generator import (
    BANDS,
    HELD_OUT_SEEDS,
    HELD_OUT_SHAPES,
    SCHEME,
    TUNED_SHAPES,
    Setting,
    generate,
)
from apps.fraud.rings.matching import Match, match
from apps.fraud.rings.scoring import THRESHOLD
from apps.fraud.rings.state import RingState
from apps.fraud.simulator import SimulatorConfig, simulate
from loupe.contract.runtime.columns import Columns

RECALL, PRECISION = 0.91, 0.9
FULL_SECONDS, LAG_SECONDS, RATE = 5.0, 1.0, 40_000
TRANSACTIONS, ENTITIES = 1_000_000, 200_000
OURS, PLAIN = "rings", "plain components"


def main(argv: list[str]) -> int:
    """Measure and print; 0 when every goal is reached."""
    options = _parser().parse_args(argv)
    told: dict[str, Any] = {"cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    held = True
    if not options.speed_only:
        told["quality"] = _quality(options.seeds, options.threshold)
        held &= told["quality"]["held"]
    if not options.quality_only:
        told["speed"] = _speed(options.rounds, options.seconds)
        held &= told["speed"]["held"]
    print(json.dumps(told))
    if options.out:
        options.out.write_text(json.dumps(told, indent=2) + "\n")
    return 0 if held else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py bench rings", description=__doc__)
    parser.add_argument("--seeds", type=int, default=len(HELD_OUT_SEEDS), help="how many, from 100")
    parser.add_argument("--threshold", type=float, default=THRESHOLD, help="least score told")
    parser.add_argument("--rounds", type=int, default=3, help="of full detection")
    parser.add_argument("--seconds", type=int, default=10, help="how long transactions keep coming")
    parser.add_argument("--quality-only", action="store_true")
    parser.add_argument("--speed-only", action="store_true")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    return parser


def _quality(seeds: int, threshold: float) -> dict[str, Any]:
    """Both detectors on held-out seeds; tuned and held-out shapes are told apart."""
    told: dict[str, Any] = {"held": True}
    first = HELD_OUT_SEEDS.start
    for name, shapes in (("held-out shapes", HELD_OUT_SHAPES), ("tuned shapes", TUNED_SHAPES)):
        matches: dict[str, list[Match]] = {OURS: [], PLAIN: []}
        for seed in range(first, first + seeds):
            columns, planted = generate(Setting(shapes=shapes, each=6), seed)
            rings = [set(ring.members) for ring in find_rings(columns, SCHEME, threshold)]
            matches[OURS].append(match(planted, rings))
            matches[PLAIN].append(match(planted, components(columns, SCHEME)))
        told[name] = {side: _figures(some) for side, some in matches.items()}
        _print_quality(f"{name}, seeds {first} to {first + seeds - 1}", shapes, told[name])
        ours, plain = told[name][OURS], told[name][PLAIN]
        told["held"] &= bool(ours["recall"] >= RECALL and ours["precision"] >= PRECISION)
        told["held"] &= bool(plain["recall"] < RECALL or plain["precision"] < PRECISION)
    print(
        f"goal: recall at least {RECALL} at precision at least {PRECISION}, plain components less\n"
    )
    return told


def _figures(matches: list[Match]) -> dict[str, Any]:
    """Recall and precision over all seeds, and recall by shape and size."""
    rings = [
        (ring, found) for one in matches for ring, found in zip(one.planted, one.found, strict=True)
    ]
    by: dict[str, list[int]] = {}
    for ring, found in rings:
        low, high = next(band for band in BANDS if len(ring.members) <= band[1])
        for key in (ring.shape, f"{low}-{high}", f"{ring.shape} {low}-{high}"):
            count = by.setdefault(key, [0, 0])
            count[0] += int(found)
            count[1] += 1
    told = sum(one.told for one in matches)
    hits = sum(found for _, found in rings)
    return {
        "rings": len(rings),
        "told": told,
        "recall": hits / max(1, len(rings)),
        "precision": hits / told if told else 1.0,
        "by": by,
    }


def _print_quality(title: str, shapes: tuple[str, ...], told: dict[str, Any]) -> None:
    print(f"{title}: {told[OURS]['rings']} rings planted\n")
    print("| | told | precision | recall |" + "".join(f" {a}-{b} members |" for a, b in BANDS))
    print("|---" * (4 + len(BANDS)) + "|")
    for side in (OURS, PLAIN):
        mine = told[side]
        cells = "".join(f" {_share(mine['by'], f'{a}-{b}')} |" for a, b in BANDS)
        print(
            f"| {side} | {mine['told']} | {mine['precision']:.3f} | {mine['recall']:.3f} |{cells}"
        )
        for shape in shapes:
            cells = "".join(f" {_share(mine['by'], f'{shape} {a}-{b}')} |" for a, b in BANDS)
            print(f"| — {shape} | | | {_share(mine['by'], shape)} |{cells}")
    print()


def _share(by: dict[str, list[int]], key: str) -> str:
    found, count = by.get(key, [0, 0])
    return f"{found / count:.3f}" if count else "–"


def _speed(rounds: int, seconds: int) -> dict[str, Any]:
    columns = _million()
    entities = sum(len(np.unique(columns[ENTITY + entity.key])) for entity in SCHEME.entities)
    count = len(columns["id"])
    print(f"{count} transactions of {entities} entities, {len(os.sched_getaffinity(0))} cores")
    find_rings(_part(columns, 0, 20_000), SCHEME)  # the first call loads and compiles
    full, spent = [], []
    for _ in range(rounds):
        begun, processor = time.perf_counter(), time.process_time()
        rings = find_rings(columns, SCHEME)
        full.append(time.perf_counter() - begun)
        spent.append(time.process_time() - processor)
    same, lags, rate, looks = _lag(columns, seconds)
    told = {
        "transactions": count,
        "entities": entities,
        "rings": len(rings),
        "full_seconds": full,
        "incremental_equals_full": same,
        "full_processor_seconds": spent,
        "lag_seconds": lags,
        "look_processor_seconds": looks,
        "rate": rate,
    }
    longest = max(lags)
    print("| measure | median | worst | goal | processor, median |\n|---|---|---|---|---|")
    print(
        f"| all at once, s | {median(full):.2f} | {max(full):.2f} | {FULL_SECONDS:g} | "
        f"{median(spent):.2f} |"
    )
    print(
        f"| behind at {rate:.0f} transactions/s, s | {median(lags):.2f} | {longest:.2f} | "
        f"{LAG_SECONDS:g} | {median(looks):.2f} a look |"
    )
    print(f"rings fed bit by bit equal those of all at once: {'yes' if same else 'NO'}\n")
    told["held"] = bool(
        same and median(full) <= FULL_SECONDS and longest <= LAG_SECONDS and entities >= ENTITIES
    )
    return told


def _lag(columns: Columns, seconds: int) -> tuple[bool, list[float], float, list[float]]:
    """Transactions come at `RATE` for some seconds on top of a history; rings are asked for without
    pause. How far each answer is behind: from the arrival of the oldest transaction that the answer
    before it lacked, to the answer."""
    count = len(columns["id"])
    coming = min(RATE * seconds, count // 2)
    state = RingState(SCHEME, weeks=None)
    state.feed(_part(columns, 0, count - coming))
    state.rings()
    fed = count - coming
    begun = time.perf_counter()
    lags, looks = [], []
    while fed < count:
        processor = time.process_time()
        due = min(count, count - coming + int((time.perf_counter() - begun) * RATE))
        oldest = begun + (fed - (count - coming)) / RATE
        if due > fed:
            state.feed(_part(columns, fed, due))
            fed = due
        state.latest()
        lags.append(time.perf_counter() - oldest)
        looks.append(time.process_time() - processor)
    rate = coming / (time.perf_counter() - begun)
    return state.rings() == find_rings(columns, SCHEME), lags, rate, looks


def _million() -> Columns:
    """A million simulated transactions of some 200,000 entities, with rings among them."""
    columns = simulate(SimulatorConfig(customers=70_000, days=60, rate=0.245), 1)
    return _part(columns, 0, TRANSACTIONS)


def _part(columns: Columns, start: int, stop: int) -> Columns:
    return {name: value[start:stop] for name, value in columns.items()}

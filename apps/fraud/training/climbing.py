"""The work of one ladder while it runs: what a rung sees, and how its models are learned."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.catalogue import FLAT, GRAPH, catalogue
from apps.fraud.training import rungs
from apps.fraud.training.blocks import Blocks, blocks
from apps.fraud.training.cold_start import WITHOUT, treatments
from apps.fraud.training.keeping import Keeping, Piece
from apps.fraud.training.neighbours import neighbourhood
from apps.fraud.training.plan import (
    FLAT_TREES,
    GRAPH_TREES,
    KEPT,
    LOGISTIC,
    RULES,
    SERVABLE,
    Plan,
)
from apps.fraud.training.rungs import Learning, Learnt
from apps.fraud.training.splitting import Split, thinned
from apps.fraud.training.table import Table

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Beat = Callable[[str], None]
Tell = Callable[[Mapping[str, float]], None]


@dataclass
class Climb:
    """The state of one ladder while it runs."""

    table: Table
    parts: Split
    plan: Plan
    beat: Beat
    tell: Tell
    keeping: Keeping
    flat: tuple[str, ...]
    graph: tuple[str, ...]
    strangers: dict[str, tuple[str, ...]]
    around: Blocks
    place: NDArray[np.int64]
    near: NDArray[np.float32]
    near_names: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)
    steps: int = 0

    def matrix(self, rung: str, rows: Rows) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        """What a rung sees of some rows."""
        if rung in (RULES, LOGISTIC, FLAT_TREES):
            return self.table.columns(self.flat, rows), self.flat
        if rung in WITHOUT:
            return self.table.columns(self.strangers[rung], rows), self.strangers[rung]
        values = self.table.columns(self.graph, rows)
        if rung == GRAPH_TREES:
            return values, self.graph
        near = self.near[self.place[rows]]
        return np.concatenate([values, near], axis=1), (*self.graph, *self.near_names)

    def learn(
        self, rung: str, rows: Rows, seed: int, watch: Rows | None, chosen: dict[str, float],
        threads: int = 0,
    ) -> Learnt:  # fmt: skip
        """Teach one model of a rung."""
        kept, weight = thinned(self.table, rows, self.plan.most_rows, seed)
        values, names = self.matrix(rung, kept)
        task = Learning(
            values=values,
            label=self.table.label[kept],
            weight=weight,
            names=names,
            seed=seed,
            watch=None if watch is None else (self.matrix(rung, watch)[0], self.table.label[watch]),
            threads=threads,
            chosen=chosen,
        )
        if rung == RULES:
            return rungs.learn_rules(task)
        if rung == LOGISTIC:
            return rungs.learn_logistic(task)
        return rungs.learn_trees(task, self.plan.trees)

    def piece(self, rung: str, key: str, make: Callable[[], Piece]) -> Piece:
        """A piece of a rung, kept or made; its time, made or not, counts for the rung."""
        self.beat(rung)

        found = self.keeping.piece(f"{rung}-{key}", lambda: _timed(make))
        self.seconds[rung] = self.seconds.get(rung, 0.0) + float(found.figures["seconds"])
        return found

    def seeds(self, rung: str, make: Callable[[int], Piece]) -> list[Piece]:
        """The pieces of all seeds of a rung, `rungs.THREADS` at once: trees that share threads wait
        for each other at every level, models of one thread each do not."""
        self.beat(rung)
        seeds = range(self.plan.seed, self.plan.seed + self.plan.seeds)

        def one(seed: int) -> Piece:
            return self.keeping.piece(f"{rung}-{seed}", lambda: _timed(partial(make, seed)))

        with ThreadPoolExecutor(rungs.THREADS) as pool:
            found = list(pool.map(one, seeds))
        spent = sum(float(each.figures["seconds"]) for each in found)
        self.seconds[rung] = self.seconds.get(rung, 0.0) + spent / min(rungs.THREADS, len(found))
        return found

    def curve(self, values: Mapping[str, float]) -> None:
        """Tell the next step of the curves."""
        self.steps += 1
        self.tell({"step": self.steps, **values})


def watched(work: Climb, rung: str) -> Piece:
    """The model that finds a rung's settings."""
    parts = work.parts
    first = work.learn(rung, parts.fit, work.plan.seed, parts.validation, {})
    margins = first.predict(work.matrix(rung, parts.validation)[0])
    return Piece({"validation": margins}, {"chosen": first.chosen, "curve": first.curve})


def _timed(make: Callable[[], Piece]) -> Piece:
    begun = time.monotonic()
    made = make()
    return Piece(made.arrays, {**made.figures, "seconds": time.monotonic() - begun})


def measured(work: Climb, rung: str, chosen: dict[str, float], seed: int) -> Piece:
    """One model of a rung that is measured on the test; of one that may serve the trees too."""
    model = work.learn(rung, work.parts.train, seed, None, chosen, threads=1)
    arrays: dict[str, NDArray] = {"test": model.predict(work.matrix(rung, work.parts.test)[0])}
    if rung in SERVABLE and model.booster is not None and seed == work.plan.seed:
        arrays["forest"] = np.frombuffer(model.booster.save_raw("json"), np.uint8)
    return Piece(arrays)


def prepared(
    table: Table, parts: Split, plan: Plan, beat: Beat, tell: Tell, keeping: Keeping
) -> Climb:
    beat("neighbours")
    begun = time.monotonic()
    features = catalogue(table.scheme, GRAPH)
    flat = tuple(one.name for one in catalogue(table.scheme, FLAT))
    graph = tuple(one.name for one in features)
    strangers = treatments(features)
    around = blocks(table, KEPT)
    # Only rows that some model learns from or is asked about.
    needed = np.zeros(len(table), np.bool_)
    for seed in range(plan.seed, plan.seed + plan.seeds):
        for rows in (parts.train, parts.fit):
            needed[thinned(table, rows, plan.most_rows, seed)[0]] = True
    needed[parts.validation] = needed[parts.test] = True
    rows = np.flatnonzero(needed)
    place = np.full(len(table), -1, np.int64)
    place[rows] = np.arange(len(rows))
    near = neighbourhood(table, around, rows)
    work = Climb(
        table, parts, plan, beat, tell, keeping, flat, graph, strangers, around, place,
        near.values, near.names,
    )  # fmt: skip
    work.seconds["neighbours"] = time.monotonic() - begun
    return work

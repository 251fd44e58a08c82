"""The ladder: every model from rules to the network, learned and measured together, every time.

Two phases. On `fit` and `validation` each model finds its settings (trees, penalty, epochs) and the
ensemble its weights. Then all of `train` teaches the models that are measured on the test, once for
each seed. Nothing is chosen on the test. Every model is a piece that is kept
(`apps.fraud.training.keeping`), so that a ladder that was stopped goes on where it was.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import xgboost
from numpy.typing import NDArray

from apps.fraud.features.catalogue import FLAT, GRAPH, catalogue
from apps.fraud.training import ensemble as ensembles
from apps.fraud.training import rungs
from apps.fraud.training.blocks import Blocks, blocks
from apps.fraud.training.cold_start import WITHOUT, measurable, treatments
from apps.fraud.training.ensemble import Ensemble
from apps.fraud.training.gnn import GnnRecipe, Network, train_network
from apps.fraud.training.intervals import Draws
from apps.fraud.training.keeping import Keeping, Piece
from apps.fraud.training.messages import Messages
from apps.fraud.training.neighbours import neighbourhood
from apps.fraud.training.rungs import Learning, Learnt, Trees
from apps.fraud.training.splitting import Split, thinned
from apps.fraud.training.table import Table

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Beat = Callable[[str], None]
Tell = Callable[[Mapping[str, float]], None]
KEPT = 32
"""Earlier transactions of each entity that the graph knows of."""

RULES, LOGISTIC, FLAT_TREES, GRAPH_TREES = "rules", "logistic", "xgboost_flat", "xgboost_graph"
NEAR_TREES, NETWORK, ALL_TREES, ENSEMBLE = "xgboost_near", "gnn", "xgboost_all", "ensemble"
ORDER = (
    RULES, LOGISTIC, FLAT_TREES, GRAPH_TREES, NEAR_TREES, NETWORK, ALL_TREES, ENSEMBLE,
)  # fmt: skip
SERVABLE = (GRAPH_TREES, FLAT_TREES)
"""The rungs whose features the live service makes."""
TOLD_TREES = 5
"""Every so many trees the curve is told."""
TITLES = {
    RULES: ("Rules", "规则"),
    LOGISTIC: ("Logistic regression", "逻辑回归"),
    FLAT_TREES: ("XGBoost, flat features", "XGBoost（平面特征）"),
    GRAPH_TREES: ("XGBoost, graph features", "XGBoost（图特征）"),
    NEAR_TREES: ("XGBoost, last neighbours too", "XGBoost（加最近邻交易）"),
    NETWORK: ("Graph network", "图神经网络"),
    ALL_TREES: ("XGBoost, embeddings too", "XGBoost（加图嵌入）"),
    ENSEMBLE: ("Ensemble", "集成"),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much work the ladder is.

    Attributes:
        seeds: models of each learned rung.
        network_seeds: of the network and of the trees that read it; at most `seeds`.
        most_rows: rows that trees learn from; frauds all, honest ones by lot with weights.
        network_rows: rows that the network learns from in an epoch; 0: no network.
        servable: rungs of which the best on the validation serves.
    """

    seeds: int = 5
    network_seeds: int = 1
    most_rows: int = 120_000
    network_rows: int = 60_000
    servable: tuple[str, ...] = SERVABLE
    trees: Trees = field(default_factory=Trees)
    gnn: GnnRecipe = field(default_factory=GnnRecipe)
    seed: int = 0


@dataclass(frozen=True)
class Climbed:
    """What came of one ladder.

    Attributes:
        scores: by rung, [seeds, test rows] margins.
        validation: by rung, margins of the validation, of the models that had not seen it.
        serves: which of the plan's `servable`.
        served: its trees, learned from all of the training with the first seed.
        names: of its features.
        strangers: [seeds, test rows] margins by `WITHOUT`; empty where it cannot be measured.
        seconds: by rung, all seeds together.
        curve: of the network, while it was watched.
    """

    split: Split
    scores: dict[str, Floats]
    validation: dict[str, Floats]
    ensemble: Ensemble
    serves: str
    served: xgboost.Booster
    names: tuple[str, ...]
    strangers: dict[str, Floats]
    chosen: dict[str, dict[str, float]]
    seconds: dict[str, float]
    curve: list[dict[str, float]]


@dataclass
class _Climb:
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


def climb(
    table: Table,
    parts: Split,
    plan: Plan,
    beat: Beat = lambda note: None,
    *,
    tell: Tell = lambda values: None,
    keeping: Keeping | None = None,
) -> Climbed:
    """Learn and score every rung.

    Args:
        table: with the features of `catalogue.GRAPH` at least.
        parts: which rows teach and which measure.
        plan: how much work it may be.
        beat: called with a note before each model and now and then within the network's training;
            may raise `Cancelled`.
        tell: called with each step of the curves: ``step`` from 1, and ``trees`` (average precision
            of the validation, with graph features), or ``average_precision`` and ``loss`` of the
            network.
        keeping: where pieces are kept.
    """
    work = _prepared(table, parts, plan, beat, tell, keeping or Keeping(None))
    labels = table.label[parts.validation]
    validation: dict[str, Floats] = {}
    chosen: dict[str, dict[str, float]] = {}
    scores: dict[str, list[Floats]] = {}
    forests: dict[str, bytes] = {}
    for rung in (RULES, LOGISTIC, FLAT_TREES, GRAPH_TREES, NEAR_TREES):
        first = work.piece(rung, "watched", partial(_watched, work, rung))
        validation[rung] = first.arrays["validation"]
        chosen[rung] = dict(first.figures["chosen"])
        if rung == GRAPH_TREES:
            for value in first.figures["curve"][::TOLD_TREES]:
                work.curve({"trees": value})
        pieces = work.seeds(rung, partial(_measured, work, rung, chosen[rung]))
        scores[rung] = [made.arrays["test"] for made in pieces]
        if rung in SERVABLE:
            forests[rung] = pieces[0].arrays["forest"].tobytes()
    serves = ensembles.best({key: validation[key] for key in plan.servable}, labels)
    strangers = {}
    for rung in WITHOUT if measurable(table.label[parts.test], table.history[parts.test]) else ():
        pieces = work.seeds(rung, partial(_measured, work, rung, chosen[GRAPH_TREES]))
        strangers[rung] = np.stack([made.arrays["test"] for made in pieces])
    curve = _network(work, validation, chosen, scores) if plan.network_rows else []
    draws = Draws.of(table.payer[parts.validation], plan.seed)
    members = {key: each for key, each in validation.items() if key != RULES}
    weights = ensembles.choose(members, labels, draws, (NETWORK, ALL_TREES))
    scores[ENSEMBLE] = [
        weights.margins(
            {key: each[index % len(each)] for key, each in scores.items() if key != RULES}
        )
        for index in range(plan.seeds)
    ]
    validation[ENSEMBLE] = weights.margins(members)
    return Climbed(
        split=parts,
        scores={key: np.stack(scores[key]) for key in ORDER if key in scores},
        validation=validation,
        ensemble=weights,
        serves=serves,
        served=xgboost.Booster(model_file=bytearray(forests[serves])),
        names=work.matrix(serves, parts.test[:1])[1],
        strangers=strangers,
        chosen=chosen,
        seconds=work.seconds,
        curve=curve,
    )


def _watched(work: _Climb, rung: str) -> Piece:
    """The model that finds a rung's settings."""
    parts = work.parts
    first = work.learn(rung, parts.fit, work.plan.seed, parts.validation, {})
    margins = first.predict(work.matrix(rung, parts.validation)[0])
    return Piece({"validation": margins}, {"chosen": first.chosen, "curve": first.curve})


def _timed(make: Callable[[], Piece]) -> Piece:
    begun = time.monotonic()
    made = make()
    return Piece(made.arrays, {**made.figures, "seconds": time.monotonic() - begun})


def _measured(work: _Climb, rung: str, chosen: dict[str, float], seed: int) -> Piece:
    """One model of a rung that is measured on the test; of one that may serve the trees too."""
    model = work.learn(rung, work.parts.train, seed, None, chosen, threads=1)
    arrays: dict[str, NDArray] = {"test": model.predict(work.matrix(rung, work.parts.test)[0])}
    if rung in SERVABLE and model.booster is not None and seed == work.plan.seed:
        arrays["forest"] = np.frombuffer(model.booster.save_raw("json"), np.uint8)
    return Piece(arrays)


def _prepared(
    table: Table, parts: Split, plan: Plan, beat: Beat, tell: Tell, keeping: Keeping
) -> _Climb:
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
    work = _Climb(
        table, parts, plan, beat, tell, keeping, flat, graph, strangers, around, place,
        near.values, near.names,
    )  # fmt: skip
    work.seconds["neighbours"] = time.monotonic() - begun
    return work


def _network(
    work: _Climb,
    validation: dict[str, Floats],
    chosen: dict[str, dict[str, float]],
    scores: dict[str, list[Floats]],
) -> list[dict[str, float]]:
    """The network, and trees that also see the embeddings it had ready."""
    parts, plan = work.parts, work.plan
    made: list[Messages] = []

    def messages() -> Messages:
        if not made:
            placed = np.flatnonzero(work.place >= 0)
            own = work.matrix(NEAR_TREES, placed)[0]
            made.append(Messages.of(work.table, work.around, own, work.place, parts.fit))
        return made[0]

    def taught(rows: Rows, seed: int, watch: Rows | None, epochs: int, asked: Rows) -> Piece:
        pool, weight = thinned(work.table, rows, plan.most_rows, seed)
        network = train_network(
            messages(), pool, weight, plan.network_rows, plan.gnn, seed, watch=watch,
            epochs=epochs, beat=lambda: work.beat(NETWORK),
        )  # fmt: skip
        arrays = {"margins": network.margins(asked), **network.weights()}
        return Piece(arrays, {"epochs": network.epochs, "curve": network.curve})

    def topped(
        network: Piece, rows: Rows, seed: int, watch: Rows | None, chosen: dict[str, float],
        asked: Rows,
    ) -> Piece:  # fmt: skip
        ready = Network.again(messages(), plan.gnn, network.arrays)
        trees, margins = _with_embeddings(work, ready, rows, seed, watch, chosen)
        return Piece({"margins": margins(asked)}, {"chosen": trees})

    watch, first_seed = parts.validation, plan.seed
    first = work.piece(NETWORK, "watched", partial(taught, parts.fit, first_seed, watch, 0, watch))
    epochs = int(first.figures["epochs"])
    trees = work.piece(
        ALL_TREES, "watched", partial(topped, first, parts.fit, first_seed, watch, {}, watch)
    )
    validation[NETWORK], validation[ALL_TREES] = first.arrays["margins"], trees.arrays["margins"]
    chosen[NETWORK] = {"epochs": float(epochs)}
    chosen[ALL_TREES] = dict(trees.figures["chosen"])
    for line in first.figures["curve"]:
        work.curve({key: line[key] for key in ("loss", "average_precision")})
    for seed in range(plan.seed, plan.seed + min(plan.network_seeds, plan.seeds)):
        network = work.piece(
            NETWORK, str(seed), partial(taught, parts.train, seed, None, epochs, parts.test)
        )
        top = work.piece(
            ALL_TREES, str(seed),
            partial(topped, network, parts.train, seed, None, chosen[ALL_TREES], parts.test),
        )  # fmt: skip
        scores.setdefault(NETWORK, []).append(network.arrays["margins"])
        scores.setdefault(ALL_TREES, []).append(top.arrays["margins"])
    return list(first.figures["curve"])


def _with_embeddings(
    work: _Climb, network: Network, rows: Rows, seed: int, watch: Rows | None,
    chosen: dict[str, float],
) -> tuple[dict[str, float], Callable[[Rows], Floats]]:  # fmt: skip
    """Trees on everything: what they chose, and their margins of rows."""

    def matrix(these: Rows) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        values, names = work.matrix(NEAR_TREES, these)
        more, told = network.embeddings(these)
        return np.concatenate([values, told], axis=1), (*names, *more)

    kept, weight = thinned(work.table, rows, work.plan.most_rows, seed)
    values, names = matrix(kept)
    model = rungs.learn_trees(
        Learning(
            values=values,
            label=work.table.label[kept],
            weight=weight,
            names=names,
            seed=seed,
            watch=None if watch is None else (matrix(watch)[0], work.table.label[watch]),
            chosen=chosen,
        ),
        work.plan.trees,
    )
    return model.chosen, lambda these: model.predict(matrix(these)[0])

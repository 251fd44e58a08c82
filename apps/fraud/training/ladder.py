"""The ladder: every model from rules to the network, learned and measured together, every time.

Two phases. On `fit` and `validation` each model finds its settings (trees, penalty, epochs) and the
ensemble its weights. Then all of `train` teaches the models that are measured on the test, once for
each seed. Nothing is chosen on the test.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.catalogue import FLAT, GRAPH, catalogue
from apps.fraud.training import ensemble as ensembles
from apps.fraud.training import rungs
from apps.fraud.training.blocks import Blocks, blocks
from apps.fraud.training.ensemble import Ensemble
from apps.fraud.training.gnn import GnnRecipe, Network, train_network
from apps.fraud.training.intervals import Draws
from apps.fraud.training.messages import Messages
from apps.fraud.training.neighbours import neighbourhood
from apps.fraud.training.rungs import Learning, Learnt, Trees
from apps.fraud.training.splitting import Split, thinned
from apps.fraud.training.table import Table

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Beat = Callable[[str], None]
KEPT = 32
"""Earlier transactions of each entity that the graph knows of."""

RULES, LOGISTIC, FLAT_TREES, GRAPH_TREES = "rules", "logistic", "xgboost_flat", "xgboost_graph"
NEAR_TREES, NETWORK, ALL_TREES, ENSEMBLE = "xgboost_near", "gnn", "xgboost_all", "ensemble"
ORDER = (
    RULES, LOGISTIC, FLAT_TREES, GRAPH_TREES, NEAR_TREES, NETWORK, ALL_TREES, ENSEMBLE,
)  # fmt: skip
SERVED = GRAPH_TREES
"""The rung whose features the live service makes, all of them."""
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
        most_rows: rows that trees learn from; frauds all, honest ones by lot with weights.
        network_rows: rows that the network learns from; 0: no network.
    """

    seeds: int = 5
    most_rows: int = 120_000
    network_rows: int = 60_000
    trees: Trees = field(default_factory=Trees)
    gnn: GnnRecipe = field(default_factory=GnnRecipe)
    seed: int = 0


@dataclass(frozen=True)
class Climbed:
    """What came of one ladder.

    Attributes:
        scores: by rung, [seeds, test rows] margins.
        validation: by rung, margins of the validation, of the models that had not seen it.
        served: the model of `SERVED`, learned from all of the training with the first seed.
        names: of its features.
        seconds: by rung, all seeds together.
        curve: of the network, while it was watched.
    """

    split: Split
    scores: dict[str, Floats]
    validation: dict[str, Floats]
    ensemble: Ensemble
    served: Learnt
    names: tuple[str, ...]
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
    flat: tuple[str, ...]
    graph: tuple[str, ...]
    around: Blocks
    place: NDArray[np.int64]
    near: NDArray[np.float32]
    near_names: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)

    def matrix(self, rung: str, rows: Rows) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        """What a rung sees of some rows."""
        if rung in (RULES, LOGISTIC, FLAT_TREES):
            return self.table.columns(self.flat)[rows], self.flat
        values = self.table.columns(self.graph)[rows]
        if rung == GRAPH_TREES:
            return values, self.graph
        near = self.near[self.place[rows]]
        return np.concatenate([values, near], axis=1), (*self.graph, *self.near_names)

    def learn(
        self, rung: str, rows: Rows, seed: int, watch: Rows | None, chosen: dict[str, float]
    ) -> Learnt:
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
            chosen=chosen,
        )
        if rung == RULES:
            return rungs.learn_rules(task)
        if rung == LOGISTIC:
            return rungs.learn_logistic(task)
        return rungs.learn_trees(task, self.plan.trees)


def climb(table: Table, parts: Split, plan: Plan, beat: Beat = lambda note: None) -> Climbed:
    """Learn and score every rung.

    Args:
        table: with the features of `catalogue.GRAPH` at least.
        parts: which rows teach and which measure.
        plan: how much work it may be.
        beat: called with a note before each model and now and then within the network's training;
            may raise `Cancelled`.
    """
    work = _prepared(table, parts, plan, beat)
    validation: dict[str, Floats] = {}
    chosen: dict[str, dict[str, float]] = {}
    scores: dict[str, list[Floats]] = {}
    served: Learnt | None = None
    for rung in (RULES, LOGISTIC, FLAT_TREES, GRAPH_TREES, NEAR_TREES):
        begun = time.monotonic()
        beat(rung)
        first = work.learn(rung, parts.fit, plan.seed, parts.validation, {})
        validation[rung] = first.predict(work.matrix(rung, parts.validation)[0])
        chosen[rung] = first.chosen
        test = work.matrix(rung, parts.test)[0]
        # Rules and the regression learn the same from every seed but for the draw of rows.
        for seed in range(plan.seed, plan.seed + plan.seeds):
            beat(rung)
            model = work.learn(rung, parts.train, seed, None, first.chosen)
            scores.setdefault(rung, []).append(model.predict(test))
            if rung == SERVED and served is None:
                served = model
        work.seconds[rung] = time.monotonic() - begun
    curve: list[dict[str, float]] = []
    if plan.network_rows:
        curve = _network(work, validation, chosen, scores)
    draws = Draws.of(table.payer[parts.validation], plan.seed)
    members = {key: each for key, each in validation.items() if key != RULES}
    weights = ensembles.choose(members, table.label[parts.validation], draws, (NETWORK, ALL_TREES))
    scores[ENSEMBLE] = [
        weights.margins({key: each[index] for key, each in scores.items() if key != RULES})
        for index in range(plan.seeds)
    ]
    validation[ENSEMBLE] = weights.margins(members)
    if served is None:
        raise RuntimeError(f"{SERVED} is no rung of the ladder.")
    return Climbed(
        split=parts,
        scores={key: np.stack(scores[key]) for key in ORDER if key in scores},
        validation=validation,
        ensemble=weights,
        served=served,
        names=work.graph,
        chosen=chosen,
        seconds=work.seconds,
        curve=curve,
    )


def _prepared(table: Table, parts: Split, plan: Plan, beat: Beat) -> _Climb:
    beat("neighbours")
    begun = time.monotonic()
    flat = tuple(one.name for one in catalogue(table.scheme, FLAT))
    graph = tuple(one.name for one in catalogue(table.scheme, GRAPH))
    around = blocks(table, KEPT)
    # Only rows that some model learns from or is asked about.
    needed = np.zeros(len(table), np.bool_)
    for seed in range(plan.seed, plan.seed + plan.seeds):
        for rows in (parts.train, parts.fit):
            needed[thinned(table, rows, plan.most_rows, seed)[0]] = True
            if plan.network_rows:
                needed[thinned(table, rows, plan.network_rows, seed)[0]] = True
    needed[parts.validation] = needed[parts.test] = True
    rows = np.flatnonzero(needed)
    place = np.full(len(table), -1, np.int64)
    place[rows] = np.arange(len(rows))
    near = neighbourhood(table, around, rows)
    work = _Climb(table, parts, plan, beat, flat, graph, around, place, near.values, near.names)
    work.seconds["neighbours"] = time.monotonic() - begun
    return work


def _network(
    work: _Climb,
    validation: dict[str, Floats],
    chosen: dict[str, dict[str, float]],
    scores: dict[str, list[Floats]],
) -> list[dict[str, float]]:
    """The network, and trees that also see the embeddings it had ready."""
    begun = time.monotonic()
    table, parts, plan = work.table, work.parts, work.plan
    messages = Messages.of(table, work.around, work.flat, parts.fit)

    def taught(rows: Rows, seed: int, watch: Rows | None, epochs: int) -> Network:
        kept, weight = thinned(table, rows, plan.network_rows, seed)
        return train_network(
            messages, kept, weight, plan.gnn, seed, watch=watch, epochs=epochs,
            beat=lambda: work.beat(NETWORK),
        )  # fmt: skip

    watched = taught(parts.fit, plan.seed, parts.validation, 0)
    validation[NETWORK] = watched.margins(parts.validation)
    chosen[NETWORK] = {"epochs": float(watched.epochs)}
    first = _with_embeddings(work, watched, parts.fit, plan.seed, parts.validation, {})
    validation[ALL_TREES] = first[1](parts.validation)
    chosen[ALL_TREES] = first[0]
    for seed in range(plan.seed, plan.seed + plan.seeds):
        network = taught(parts.train, seed, None, watched.epochs)
        scores.setdefault(NETWORK, []).append(network.margins(parts.test))
        work.beat(ALL_TREES)
        model = _with_embeddings(work, network, parts.train, seed, None, first[0])
        scores.setdefault(ALL_TREES, []).append(model[1](parts.test))
    work.seconds[NETWORK] = time.monotonic() - begun
    return watched.curve


def _with_embeddings(
    work: _Climb, network: Network, rows: Rows, seed: int, watch: Rows | None,
    chosen: dict[str, float],
) -> tuple[dict[str, float], Callable[[Rows], Floats]]:  # fmt: skip
    """Trees on everything: what they chose, and their margins of rows."""

    def matrix(these: Rows) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        values, names = work.matrix(NEAR_TREES, these)
        more, told = network.embeddings(these)
        return np.concatenate([values, told], axis=1), (*names, *more)

    kept, weight = thinned(work.table, rows, work.plan.network_rows, seed)
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

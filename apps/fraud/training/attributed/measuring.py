"""The ladder on an attributed graph: flat trees, trees on neighbours, and both networks."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xgboost
from numpy.typing import NDArray

from apps.fraud.training.attributed.aggregates import aggregates
from apps.fraud.training.attributed.graph import AttributedGraph
from apps.fraud.training.attributed.networks import SageRecipe, fit_both
from apps.fraud.training.ensemble import choose
from apps.fraud.training.intervals import Draws, mean_interval
from apps.fraud.training.metrics import Counts, auc, average_precision, recall_at_k
from apps.fraud.training.rungs import THREADS, Learning, Trees, learn_trees

FLAT, NEAR, SAGE, PEER, ENSEMBLE = (
    "xgboost_flat",
    "xgboost_graph",
    "graphsage",
    "graphsage_pyg",
    "ensemble",
)
TITLES = {
    FLAT: "XGBoost, own features",
    NEAR: "XGBoost, neighbours too",
    SAGE: "GraphSAGE (ours)",
    PEER: "GraphSAGE (plain PyG)",
    ENSEMBLE: "Ensemble",
}
FIGURES = ("auc", "average_precision", "recall_at_k")
TREES = Trees(most=400, depth=6, rate=0.07, child_weight=2.0, columns=0.6)
CLOSE = 0.01
CHOOSING = 100
"""Draws that tell whether the network wins."""
Beat = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class GraphPlan:
    """How much work it is; each seed takes the next split of the graph, round and round."""

    seeds: int = 5
    seed: int = 0
    epochs: int = 200
    networks: bool = True


def measure_graph(
    graph: AttributedGraph, plan: GraphPlan, beat: Beat = lambda note: None
) -> dict[str, Any]:
    """Learn and measure every rung on every seed; settings are chosen on the validation."""
    torch.set_num_threads(THREADS)
    begun = time.monotonic()
    beat("neighbours")
    names, near = aggregates(graph)
    flat_names = names[: graph.features.shape[1]]
    found: dict[str, list[dict[str, float]]] = {}
    curves: dict[str, list[dict[str, float]]] = {}
    ended: dict[str, list[int]] = {}
    kept: list[bool] = []
    for seed in range(plan.seed, plan.seed + plan.seeds):
        parts = graph.split(seed)
        margins: dict[str, NDArray[np.float64]] = {}
        for key, values, told in ((FLAT, graph.features, flat_names), (NEAR, near, names)):
            beat(key)
            margins[key] = _trees(graph, values, told, seed, parts)
        if plan.networks:
            for key, one in fit_both(graph, seed, SageRecipe(epochs=plan.epochs), beat).items():
                margins[key] = one.margins
                curves.setdefault(key, one.curve)
                ended.setdefault(key, []).append(len(one.curve))
        margins[ENSEMBLE], with_network = _together(graph, margins, parts[1], seed)
        kept.append(with_network)
        for key, each in margins.items():
            found.setdefault(key, []).append(_figures(graph, each, parts[2]))
    return {
        "graph": {
            "name": graph.name,
            "nodes": len(graph.labels),
            "edges": int(graph.edges.shape[1] // 2),
            "features": graph.features.shape[1],
            "frauds": int((graph.labels == 1).sum()),
            "left_out": graph.left_out,
            "splits": len(graph.train),
        },
        "ladder": [_row(key, found[key], plan.seed) for key in TITLES if key in found],
        "gains": _gains(found, plan.seed),
        "ensemble": {"network_kept_in": int(sum(kept)), "of": len(kept)},
        "network_curves": curves,
        "network_epochs": ended,
        "seeds": plan.seeds,
        "seconds": round(time.monotonic() - begun, 1),
    }


def _trees(
    graph: AttributedGraph,
    values: NDArray[np.float32],
    names: tuple[str, ...],
    seed: int,
    parts: tuple[NDArray[np.int64], ...],
) -> NDArray[np.float64]:
    """Margins of all nodes."""
    train, val, _ = parts
    model = learn_trees(
        Learning(
            values=values[train],
            label=graph.labels[train],
            weight=np.ones(len(train), np.float32),
            names=names,
            seed=seed,
            watch=(values[val], graph.labels[val]),
        ),
        TREES,
    )
    return model.predict(values)


def _together(
    graph: AttributedGraph,
    margins: Mapping[str, NDArray[np.float64]],
    val: NDArray[np.int64],
    seed: int,
) -> tuple[NDArray[np.float64], bool]:
    """Trees, and our network beside them only where it wins for certain on the validation."""
    members = {key: _standard(each) for key, each in margins.items() if key != PEER}
    chosen = choose(
        {key: each[val] for key, each in members.items()},
        graph.labels[val],
        Draws.of(val, seed, CHOOSING),
        (SAGE,),
    )
    return chosen.margins(members), chosen.kept


def _standard(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    return (margins - margins.mean()) / max(float(margins.std()), 1e-9)


def _figures(
    graph: AttributedGraph, margins: NDArray[np.float64], rows: NDArray[np.int64]
) -> dict[str, float]:
    label, scores = graph.labels[rows], margins[rows]
    counts = Counts.of(label, scores)
    return {
        "auc": auc(counts),
        "average_precision": average_precision(counts),
        "recall_at_k": recall_at_k(label, scores),
    }


def _row(key: str, found: list[dict[str, float]], seed: int) -> dict[str, Any]:
    row: dict[str, Any] = {"model": key}
    for figure in FIGURES:
        told = mean_interval(np.array([one[figure] for one in found]), seed).told()
        row[figure] = told["value"]
        row[f"{figure}_interval"] = [told["low"], told["high"]]
        row[f"{figure}_seeds"] = [one[figure] for one in found]
    return row


def _gains(found: Mapping[str, list[dict[str, float]]], seed: int) -> dict[str, Any]:
    """Seed by seed: what neighbours add to flat trees, and ours against the peer."""
    pairs = {"graph_over_flat": (NEAR, FLAT), "ours_over_pyg": (SAGE, PEER)}
    return {
        name: {figure: _gain(found[one], found[other], figure, seed) for figure in FIGURES}
        for name, (one, other) in pairs.items()
        if one in found and other in found
    }


def _gain(
    mine: list[dict[str, float]], theirs: list[dict[str, float]], figure: str, seed: int
) -> dict[str, float | None]:
    gains = [one[figure] - other[figure] for one, other in zip(mine, theirs, strict=True)]
    return mean_interval(np.array(gains), seed).told()


def lines(said: Mapping[str, Any]) -> list[str]:
    """The report for a terminal; losses are told as plainly as wins."""
    about = said["graph"]
    out = [
        f"{about['name']}: {about['nodes']:,} nodes, {about['edges']:,} edges, {about['frauds']:,} "
        f"frauds; {said['seeds']} seeds over {about['splits']} splits.",
        *([_left_out(about["left_out"])] if about["left_out"] else []),
        "",
        f"{'model':<26}{'AUC':>24}{'AP':>24}{'recall@k':>24}",
    ]
    for row in said["ladder"]:
        cells = "".join(_cell(row, key).rjust(24) for key in FIGURES)
        out.append(f"{TITLES[row['model']]:<26}{cells}")
    gain = said["gains"]["graph_over_flat"]["average_precision"]
    verdict = "gain" if gain["value"] > 0 else "lose"
    out += ["", f"Trees on neighbours {verdict} {abs(gain['value']):.4f} AP against flat trees."]
    if "ours_over_pyg" in said["gains"]:
        away = said["gains"]["ours_over_pyg"]["auc"]["value"]
        near = "within" if abs(away) <= CLOSE else "not within"
        out.append(f"Our GraphSAGE is {away:+.4f} AUC from plain PyG, {near} {CLOSE:g}.")
        kept = said["ensemble"]
        out.append(
            f"The ensemble keeps the network in {kept['network_kept_in']} of {kept['of']} seeds."
        )
    out.append(f"{said['seconds']:.0f} s with xgboost {xgboost.__version__}.")
    return out


def _left_out(nodes: int) -> str:
    return f"{nodes:,} nodes of the masks have no label; they are neighbours only."


def _cell(row: Mapping[str, Any], key: str) -> str:
    low, high = row[f"{key}_interval"]
    return f"{row[key]:.4f} ({low:.3f} to {high:.3f})"

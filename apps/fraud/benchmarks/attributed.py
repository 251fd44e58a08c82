"""``manage.py bench fraud-graph``: our GraphSAGE beside plain PyG on drawn attributed graphs.

Both see the same features, masks and first weights, and learn on the whole graph at once until the
validation has stopped rising. Two kinds of graph are drawn: with signal in who is beside whom, and
without. What is printed are the AUC of both for every seed and their differences. Exit status: 0,
all means within a hundredth of AUC, 1, not all.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch_geometric

from apps.fraud.training.attributed.drawing import drawn, saved
from apps.fraud.training.attributed.measuring import CLOSE, PEER, SAGE, GraphPlan, measure_graph
from apps.fraud.training.attributed.reading import read_graph

KINDS = {"with signal": True, "without signal": False}


def run(nodes: int, seeds: int, epochs: int) -> dict[str, Any]:
    """Measure both kinds of graph; `graphs` holds a row for each, see `_row`."""
    return {
        "graphs": {name: _row(nodes, seeds, epochs, signal) for name, signal in KINDS.items()},
        "goal": CLOSE,
        "environment": {
            "cores": os.cpu_count(),
            "torch": torch.__version__,
            "torch_geometric": torch_geometric.__version__,
        },
    }


def _row(nodes: int, seeds: int, epochs: int, signal: bool) -> dict[str, Any]:
    """AUC by seed of both networks, their mean difference, and after how many epochs they ended."""
    with TemporaryDirectory(prefix="loupe-graph-") as folder:
        file = saved(Path(folder) / "graph.npz", drawn(nodes, signal=signal, splits=seeds))
        said = measure_graph(read_graph(file), GraphPlan(seeds=seeds, epochs=epochs))
    ladder = {row["model"]: row for row in said["ladder"]}
    return {
        "nodes": said["graph"]["nodes"],
        "edges": said["graph"]["edges"],
        "frauds": said["graph"]["frauds"],
        "ours": ladder[SAGE]["auc_seeds"],
        "pyg": ladder[PEER]["auc_seeds"],
        "difference": said["gains"]["ours_over_pyg"]["auc"],
        "average_precision_difference": said["gains"]["ours_over_pyg"]["average_precision"],
        "trees_gain": said["gains"]["graph_over_flat"]["average_precision"],
        "epochs": said["network_epochs"],
        "seconds": said["seconds"],
    }


def within(said: dict[str, Any]) -> bool:
    """Whether the mean difference of AUC is within the goal on every graph."""
    return all(abs(row["difference"]["value"]) <= CLOSE for row in said["graphs"].values())


def lines(said: dict[str, Any]) -> list[str]:
    """The report for a terminal."""
    out = []
    for name, row in said["graphs"].items():
        out += [
            f"{name}: {row['nodes']:,} nodes, {row['edges']:,} edges, {row['frauds']:,} frauds",
            f"{'seed':>6}{'ours':>10}{'PyG':>10}{'ours − PyG':>12}{'epochs':>12}",
        ]
        ended = zip(row["epochs"][SAGE], row["epochs"][PEER], strict=True)
        told = zip(row["ours"], row["pyg"], ended, strict=True)
        for seed, (ours, peer, epochs) in enumerate(told):
            out.append(
                f"{seed:>6}{ours:>10.4f}{peer:>10.4f}{ours - peer:>+12.4f}"
                f"{epochs[0]:>8}{epochs[1]:>4}"
            )
        apart = row["difference"]
        out += [
            f"  mean {apart['value']:+.4f} ({apart['low']:+.4f} to {apart['high']:+.4f}), "
            f"{row['seconds']:.0f} s",
            "",
        ]
    out.append(f"{'Within' if within(said) else 'Not within'} {CLOSE:g} AUC of plain PyG.")
    return out


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="manage.py bench fraud-graph")
    parser.add_argument("--nodes", type=int, default=4_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--epochs", type=int, default=400, help="at most; each ends when it is done"
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(argv)
    said = run(asked.nodes, asked.seeds, asked.epochs)
    print(json.dumps(said) if asked.json else "\n".join(lines(said)))
    return 0 if within(said) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

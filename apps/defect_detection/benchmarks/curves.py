"""Draws the kept curves of `apps.defect_detection.benchmarks.deeppcb` as one SVG.

    python -m apps.defect_detection.benchmarks.curves docs/measured/deeppcb/curves.jsonl OUT.svg

Each line of the input: ``run`` (arm and seed), ``epoch``, ``map50``.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "loupe"  # the same input gives the same file

import matplotlib.pyplot as plt  # noqa: E402 - after the backend is chosen

COLOURS = {
    "default": "#0b6e4f",
    "same_epochs": "#2a6fdb",
    "small200": "#c2571a",
    "plain200": "#7a7a7a",
}
WORDS = {
    "default": "default recipe, 800 pictures",
    "same_epochs": "70 epochs, 800 pictures",
    "small200": "small sets, 200 pictures, 100 s",
    "plain200": "plain Ultralytics, 200 pictures, 100 s",
}


def main(argv: list[str]) -> int:
    """Draw every run: one colour an arm, one line a seed."""
    source, target = Path(argv[0]), Path(argv[1])
    runs: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for line in source.read_text().splitlines():
        point = json.loads(line)
        runs[point["run"]].append((point["epoch"], point["map50"]))
    figure, axes = plt.subplots(figsize=(8, 4))
    for run, points in sorted(runs.items()):
        arm, _, seed = run.rpartition("-")
        axes.plot(
            *zip(*points, strict=True),
            color=COLOURS[arm],
            linewidth=1,
            label=WORDS[arm] if seed == "0" else None,
        )
    axes.axhline(0.926, color="#7a7a7a", linestyle="--", linewidth=1)
    axes.text(150, 0.87, "plain Ultralytics, 70 epochs, 800 pictures", ha="right", fontsize=8)
    axes.set_xlabel("epoch")
    axes.set_ylabel("mAP50 on the validation board")
    axes.set_ylim(0, 1)
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

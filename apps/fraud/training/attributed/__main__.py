"""``python -m apps.fraud.training.attributed --out graph.npz``: a drawn graph to measure on."""

import argparse
import sys
from pathlib import Path

from apps.fraud.training.attributed.drawing import drawn, saved


def main(argv: list[str]) -> int:
    """Write one."""
    parser = argparse.ArgumentParser(prog="python -m apps.fraud.training.attributed")
    parser.add_argument("--out", type=Path, required=True, help="an .npz file")
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--without-signal", action="store_true", help="edges by lot: neighbours tell nothing"
    )
    asked = parser.parse_args(argv)
    signal = not asked.without_signal
    saved(asked.out, drawn(asked.nodes, signal=signal, seed=asked.seed, splits=asked.splits))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

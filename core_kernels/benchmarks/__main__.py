"""`python -m core_kernels.benchmarks [OPERATION …] [--quick] [--alone] [--out FOLDER]`.

Prints every case with wins and losses; ends with status 1 when an answer is wrong, not when a goal
is missed.
"""

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import torch

from core_kernels import benchmarks
from core_kernels.benchmarks.harness import Case, copy_bandwidth, measure
from core_kernels.benchmarks.table import Row, judged, keep, lines

_FRAME = {"__main__", "detector", "harness", "table"}


def operations() -> list[str]:
    """Every operation that has a benchmark file."""
    return [one.name for one in pkgutil.iter_modules(benchmarks.__path__) if one.name not in _FRAME]


def run(
    case: Case, device: torch.device, seconds: float, bandwidth: float, *, alone: bool = False
) -> Row:
    """Prove the case right, then measure all of its sides, or ours `alone`.

    Raises:
        AssertionError: ours is wrong.
    """
    case.check()
    sides = {"": case.ours}
    if not alone:
        sides |= {name: peer for name, peer in case.peers.items() if peer is not None}
    times = measure(sides, device, graph=case.graph, cold=case.cold, seconds=seconds)
    return judged(case, times.pop(""), times, bandwidth)


def main(argv: list[str] | None = None) -> int:
    """Run the benchmarks named, or all."""
    parser = argparse.ArgumentParser(prog="python -m core_kernels.benchmarks")
    parser.add_argument("operations", nargs="*", metavar="OPERATION", help=", ".join(operations()))
    parser.add_argument("--quick", action="store_true", help="small cases, to try the files")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each side")
    parser.add_argument("--alone", action="store_true", help="no peers, to look for faults of ours")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="a folder for the results as JSON")
    options = parser.parse_args(argv)
    unknown = sorted(set(options.operations) - set(operations()))
    if unknown:
        parser.error(
            f"no benchmark is named {', '.join(unknown)}; there are: {', '.join(operations())}"
        )
    device = torch.device(options.device)
    bandwidth = copy_bandwidth(device)
    print(
        f"copy bandwidth {bandwidth / 1e9:,.0f} GB/s on {device}, medians (p10–p90)\n", flush=True
    )
    rows, wrong = [], 0
    for name in options.operations or operations():
        cases = importlib.import_module(f"core_kernels.benchmarks.{name}").cases
        for case in cases(device, quick=options.quick):
            try:
                row = run(case, device, options.seconds, bandwidth, alone=options.alone)
            except AssertionError as error:
                wrong += 1
                print(f"{case.operation} · {case.label}\n  WRONG: {error}\n", flush=True)
                continue
            rows.append(row)
            print("\n".join(lines(row)), end="\n\n", flush=True)
    if options.out:
        for path in keep(options.out, device, rows):
            print(f"written: {path}")
    met = [met for row in rows for _, met in row.goals]
    print(f"goals reached: {sum(met)} of {len(met)}; wrong answers: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

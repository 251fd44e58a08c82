"""`python -m core_kernels.benchmarks [OPERATION …] [--only TEXT] [--quick] [--alone] [--out DIR]`.

Prints every case with wins and losses; ends with status 1 when an answer is wrong, not when a goal
is missed.
"""

import argparse
import importlib
import pkgutil
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path

import torch

from core_kernels import benchmarks
from core_kernels.benchmarks.harness import Case, copy_bandwidth, measure
from core_kernels.benchmarks.table import Row, judged, keep, lines

_FRAME = {"__main__", "detector", "harness", "report", "table"}


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
    clock = torch.device("cpu") if case.on_host else device
    # A tool that looks for faults sees more of launches than of a recorded graph.
    graph = case.graph and not alone
    times = measure(sides, clock, graph=graph, cold=case.cold, seconds=seconds)
    return judged(case, times.pop(""), times, bandwidth)


def main(argv: list[str] | None = None) -> int:
    """Run the benchmarks named, or all."""
    parser = argparse.ArgumentParser(prog="python -m core_kernels.benchmarks")
    parser.add_argument("operations", nargs="*", metavar="OPERATION", help=", ".join(operations()))
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with it in their label")
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
    rows: list[Row] = []
    failures = 0
    for name in options.operations or operations():
        try:
            benchmark = importlib.import_module(f"core_kernels.benchmarks.{name}")
            needs: tuple[str, ...] = getattr(benchmark, "NEEDS", ())
            if missing := [one for one in needs if find_spec(one) is None]:
                print(f"{name}\n  left out: {', '.join(missing)} is not here\n", flush=True)
                continue
            for case in benchmark.cases(device, quick=options.quick):
                if options.only not in case.label:
                    continue
                found = _tried(case, device, options.seconds, bandwidth, alone=options.alone)
                failures += found is None
                rows += [found] if found else []
                if options.out:  # at once: who stops a long run keeps what it measured
                    keep(options.out, device, [row for row in rows if row.operation == name])
        except Exception:  # its cases cannot be made: the others are measured all the same
            failures += 1
            print(f"{name}\n  FAILED: {traceback.format_exc()}\n", flush=True)
    met = [met for row in rows for _, met in row.goals]
    print(f"goals reached: {sum(met)} of {len(met)}; wrong or failed: {failures}")
    return 1 if failures else 0


def _tried(
    case: Case, device: torch.device, seconds: float, bandwidth: float, *, alone: bool
) -> Row | None:
    """The case's row, printed; None, with what is wrong printed, if it has none."""
    try:
        row = run(case, device, seconds, bandwidth, alone=alone)
    except AssertionError as error:
        print(f"{case.operation} · {case.label}\n  WRONG: {error}\n", flush=True)
        return None
    except Exception:  # a side that cannot run
        told = traceback.format_exc()
        print(f"{case.operation} · {case.label}\n  FAILED: {told}\n", flush=True)
        return None
    print("\n".join(lines(row)), end="\n\n", flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())

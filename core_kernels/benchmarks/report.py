"""`python -m core_kernels.benchmarks.report`: the kept results as a page of Markdown."""

import json
import sys
from pathlib import Path
from typing import Any

from core_kernels.benchmarks.table import RESULTS


def page(results: Path = RESULTS) -> str:
    """Every device's results, wins and losses, operation by operation."""
    parts = [
        "# Measured on GPUs\n\n"
        "Printed by `python -m core_kernels.benchmarks.report` from the files in\n"
        "`core_kernels/benchmarks/results/`, which `tests/gpu.sh bench` writes. Medians in\n"
        "milliseconds; a peer's number in brackets is its time over ours in the same run: below 1\n"
        "it was quicker. The floor is the bytes that must move at the rate of a large copy.\n"
    ]
    for device in sorted(path for path in results.iterdir() if path.is_dir()):
        parts.append(f"\n## {device.name}\n")
        for path in sorted(device.glob("*.json")):
            parts.append(_operation(json.loads(path.read_text()), path.stem))
    return "".join(parts)


def _operation(told: dict[str, Any], name: str) -> str:
    versions = ", ".join(f"{package} {one}" for package, one in told["versions"].items())
    rows = [_row(row) for row in told["rows"]]
    head = "| case | ours | floor | peers | goals |\n|---|---|---|---|---|\n"
    return f"\n### {name}\n\n{head}{''.join(rows)}\n{versions}; {told['threads']} threads.\n"


def _row(row: dict[str, Any]) -> str:
    ours = row["ours"]["median"]
    rate = f", {row['units'] / ours * 1e3:,.0f}/s" if row["units"] else ""
    floor = f"{row['floor_ms']:.3g}" if row["floor_ms"] else ""
    peers = "; ".join(
        f"{name} {peer['median']:.3g} ({peer['median'] / ours:.2f})"
        for name, peer in row["peers"].items()
    )
    goals = "; ".join(f"{text}: {'yes' if met else '**no**'}" for text, met in row["goals"])
    return f"| {row['label']} | {ours:.3g}{rate} | {floor} | {peers} | {goals} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())

"""Results of benchmarks: how a row is judged, printed and kept."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from core_kernels.benchmarks.harness import Case, Goal, Timing

RESULTS = Path(__file__).parent / "results"
_PACKAGES = (
    "torch",
    "triton",
    "numba",
    "torchvision",
    "ultralytics",
    "torch-geometric",
    "xgboost",
    "xgboost-cpu",
    "transformers",
    "liger-kernel",
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One case, measured."""

    operation: str
    label: str
    ours: Timing
    peers: dict[str, Timing]
    absent: tuple[str, ...]
    floor_ms: float | None
    units: int
    goals: tuple[tuple[str, bool], ...]


def judged(case: Case, ours: Timing, peers: Mapping[str, Timing], bandwidth: float) -> Row:
    """The row of a case; `bandwidth` in bytes per second makes the floor."""
    return Row(
        operation=case.operation,
        label=case.label,
        ours=ours,
        peers=dict(peers),
        absent=tuple(name for name, run in case.peers.items() if run is None),
        floor_ms=case.bytes / bandwidth * 1e3 if case.bytes else None,
        units=case.units,
        goals=tuple(_met(goal, ours, peers) for goal in case.goals),
    )


def _met(goal: Goal, ours: Timing, peers: Mapping[str, Timing]) -> tuple[str, bool]:
    if goal.milliseconds is not None:
        return f"at most {goal.milliseconds:g} ms", ours.median <= goal.milliseconds
    if goal.ratio is None or goal.peer is None or goal.peer not in peers:
        return f"at least {goal.ratio} × {goal.peer} (not measured)", False
    reached = peers[goal.peer].median / ours.median
    return f"at least {goal.ratio:g} × {goal.peer}", reached >= goal.ratio


def lines(row: Row) -> list[str]:
    """The row for people: ours, the floor, every peer with its ratio, each goal."""
    told = [f"{row.operation} · {row.label}", f"  ours {_ms(row.ours)}"]
    if row.floor_ms is not None:
        share = row.floor_ms / row.ours.median
        told[1] += f"   floor {row.floor_ms:.4f} ms ({share:.0%} of copy bandwidth)"
    if row.units:
        told[1] += f"   {row.units / row.ours.median * 1e3:,.0f} a second"
    for name, timing in row.peers.items():
        ratio = timing.median / row.ours.median
        verdict = "win" if ratio >= 1 else "LOSS"
        told.append(f"  {name} {_ms(timing)}   {ratio:.2f} × {verdict}")
    told += [f"  {name}: not here" for name in row.absent]
    told += [f"  {'reached' if met else 'MISSED'}: {text}" for text, met in row.goals]
    return told


def _ms(timing: Timing) -> str:
    return f"{timing.median:.4f} ms ({timing.p10:.4f}–{timing.p90:.4f})"


def device_name(device: torch.device) -> str:
    """A folder's name for a device."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return "-".join(name.lower().replace("_", " ").split())


def versions() -> dict[str, str]:
    """What the sides were measured with."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def keep(folder: Path, device: torch.device, rows: Sequence[Row]) -> list[Path]:
    """Write ``folder/<device>/<operation>.json`` for each operation of the rows.

    Rows of other cases that stand there stay, if they were measured with the same versions.
    """
    written = []
    for operation in dict.fromkeys(row.operation for row in rows):
        path = folder / device_name(device) / f"{operation}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        told: dict[str, Any] = {
            "device": device_name(device),
            "versions": versions(),
            "threads": torch.get_num_threads(),
            "rows": [asdict(row) for row in rows if row.operation == operation],
        }
        told["rows"] = _others(path, told) + told["rows"]
        path.write_text(json.dumps(told, indent=1) + "\n")
        written.append(path)
    return written


def _others(path: Path, told: Mapping[str, Any]) -> list[Any]:
    """The rows of a file for cases that are not measured anew."""
    if not path.exists():
        return []
    before = json.loads(path.read_text())
    if any(before[name] != told[name] for name in ("device", "versions", "threads")):
        return []
    anew = {row["label"] for row in told["rows"]}
    return [row for row in before["rows"] if row["label"] not in anew]

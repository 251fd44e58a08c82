"""Counts and latencies of the engine, by what was called."""

import threading
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from loupe.contract.runtime.lanes import Lane

_WINDOW = 1024
"""Latest calls from which percentiles are taken."""

_MOST_SERIES = 1000

PARTS = ("request", "queue", "compute_input", "compute_infer", "compute_output")
"""What a request's time is made of, in the protocol's words; ``request`` is all of it."""

QUANTILES = (0.5, 0.95, 0.99)


def parts_of(elapsed_ms: float, times_ms: dict[str, float]) -> dict[str, float]:
    """The protocol's parts of a request, milliseconds, from its stages in the order they ran.

    What ran before the stage ``infer`` is input (decoding, letterbox), what ran after it output; a
    runner without that stage is all inference.
    """
    stages = {name: ms for name, ms in times_ms.items() if name != "queue"}
    names = list(stages)
    at = names.index("infer") if "infer" in stages else None
    before = sum(stages[name] for name in names[:at]) if at is not None else 0.0
    after = sum(stages[name] for name in names[at + 1 :]) if at is not None else 0.0
    return {
        "request": elapsed_ms,
        "queue": times_ms.get("queue", 0.0),
        "compute_input": before,
        "compute_infer": sum(stages.values()) - before - after,
        "compute_output": after,
    }


@dataclass
class _Series:
    success: int = 0
    failed: int = 0
    failed_ms: float = 0.0
    last: float = 0.0
    executions: int = 0
    execution_ms: float = 0.0
    items: int = 0
    batch_items: Counter[int] = field(default_factory=Counter)
    lanes: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    sums_ms: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    stages_ms: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    recent_ms: dict[str, deque[float]] = field(
        default_factory=lambda: {part: deque(maxlen=_WINDOW) for part in PARTS}
    )


class Statistics:
    """Thread-safe counters, one series per model and version, service or verb."""

    def __init__(self) -> None:
        self.since = time.time()
        self.refused: dict[str, int] = defaultdict(int)
        self._series: dict[str, _Series] = defaultdict(_Series)
        self._lanes: dict[str, deque[float]] = {lane: deque(maxlen=_WINDOW) for lane in Lane}
        self._lock = threading.Lock()

    def succeeded(
        self,
        key: str,
        elapsed_ms: float,
        times_ms: dict[str, float],
        lane: Lane = Lane.INTERACTIVE,
    ) -> None:
        """Count one answer of `key` with its wall time and stages."""
        with self._lock:
            series = self._one(key)
            series.success += 1
            series.lanes[lane] += 1
            series.last = time.time()
            for part, part_ms in parts_of(elapsed_ms, times_ms).items():
                series.sums_ms[part] += part_ms
                series.recent_ms[part].append(part_ms)
            for stage, stage_ms in times_ms.items():
                series.stages_ms[stage] += stage_ms
            self._lanes[lane].append(elapsed_ms)

    def failed(self, key: str, elapsed_ms: float, code: str) -> None:
        """Count one failure of `key` and its error's code."""
        with self._lock:
            series = self._one(key)
            series.failed += 1
            series.failures[code] += 1
            series.failed_ms += elapsed_ms
            self.refused[code] += 1

    def executed(self, key: str, requests: int, items: int, seconds: float) -> None:
        """Count one call of a runner that answered `requests` with `items` in all."""
        with self._lock:
            series = self._one(key)
            series.executions += 1
            series.execution_ms += seconds * 1e3
            series.items += items
            series.batch_items[items] += 1

    def _one(self, key: str) -> _Series:
        """The series of `key`; past a thousand, names somebody made up share one."""
        if key not in self._series and len(self._series) >= _MOST_SERIES:
            key = "other"
        return self._series[key]

    def summary(self) -> dict[str, Any]:
        """Every series with counts, sums and percentiles, in milliseconds."""
        with self._lock:
            return {key: _summary(series) for key, series in self._series.items()}

    def lanes(self) -> dict[str, dict[str, float | None]]:
        """Percentiles of the latest answers of every lane, in milliseconds."""
        with self._lock:
            return {lane: _quantiles(recent) for lane, recent in self._lanes.items()}

    def model(self, key: str, name: str, version: int) -> dict[str, Any]:
        """The protocol's statistics of one version of a model; times in nanoseconds."""
        with self._lock:
            series = self._series.get(key, _Series())

            def entry(count: int, elapsed_ms: float) -> dict[str, int]:
                return {"count": count, "ns": int(elapsed_ms * 1e6)}

            parts = {
                part: entry(series.success, series.sums_ms[part])
                for part in PARTS
                if part != "request"
            }
            return {
                "name": name,
                "version": str(version),
                "last_inference": int(series.last * 1e3),
                "inference_count": series.items,
                "execution_count": series.executions,
                "inference_stats": {
                    "success": entry(series.success, series.sums_ms["request"]),
                    "fail": entry(series.failed, series.failed_ms),
                    **parts,
                },
                "batch_stats": [
                    {"batch_size": size, "compute_infer": {"count": count}}
                    for size, count in sorted(series.batch_items.items())
                ],
            }


def model_key(model: str, version: int) -> str:
    """The series of one version of a model."""
    return f"model {model} {version}"


def _quantiles(recent: deque[float]) -> dict[str, float | None]:
    ordered = sorted(recent)
    return {
        f"p{round(share * 100)}_ms": ordered[int(len(ordered) * share)] if ordered else None
        for share in QUANTILES
    }


def _summary(series: _Series) -> dict[str, Any]:
    return {
        "success": series.success,
        "failed": series.failed,
        "success_ms": series.sums_ms["request"],
        **_quantiles(series.recent_ms["request"]),
        "stages_ms": dict(series.stages_ms),
        "parts_ms": dict(series.sums_ms),
        "recent": {part: _quantiles(recent) for part, recent in series.recent_ms.items()},
        "lanes": dict(series.lanes),
        "failures": dict(series.failures),
        "executions": series.executions,
        "execution_ms": series.execution_ms,
        "items": series.items,
        "batch_items": {str(size): count for size, count in sorted(series.batch_items.items())},
    }

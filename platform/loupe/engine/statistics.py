"""Counts and latencies of the engine, by what was called."""

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

_WINDOW = 1024
"""Latest calls from which percentiles are taken."""


_MOST_SERIES = 1000


@dataclass
class _Series:
    success: int = 0
    failed: int = 0
    success_ms: float = 0.0
    failed_ms: float = 0.0
    queue_ms: float = 0.0
    last: float = 0.0
    stages_ms: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    recent_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))


class Statistics:
    """Thread-safe counters, one series per model and version, service or verb."""

    def __init__(self) -> None:
        self.since = time.time()
        self.refused: dict[str, int] = defaultdict(int)
        self._series: dict[str, _Series] = defaultdict(_Series)
        self._lock = threading.Lock()

    def succeeded(self, key: str, elapsed_ms: float, times_ms: dict[str, float]) -> None:
        """Count one answer of `key` with its wall time and stages."""
        with self._lock:
            series = self._one(key)
            series.success += 1
            series.success_ms += elapsed_ms
            series.queue_ms += times_ms.get("queue", 0.0)
            series.last = time.time()
            series.recent_ms.append(elapsed_ms)
            for stage, stage_ms in times_ms.items():
                series.stages_ms[stage] += stage_ms

    def failed(self, key: str, elapsed_ms: float, code: str) -> None:
        """Count one failure of `key` and its error's code."""
        with self._lock:
            series = self._one(key)
            series.failed += 1
            series.failed_ms += elapsed_ms
            self.refused[code] += 1

    def _one(self, key: str) -> _Series:
        """The series of `key`; past a thousand, names somebody made up share one."""
        if key not in self._series and len(self._series) >= _MOST_SERIES:
            key = "other"
        return self._series[key]

    def summary(self) -> dict[str, Any]:
        """Every series with counts, sums and the 50th and 95th percentile, in milliseconds."""
        with self._lock:
            return {key: _summary(series) for key, series in self._series.items()}

    def model(self, key: str, name: str, version: int) -> dict[str, Any]:
        """The protocol's statistics of one version of a model; times in nanoseconds."""
        with self._lock:
            series = self._series.get(key, _Series())
            infer_ms = sum(ms for stage, ms in series.stages_ms.items() if stage != "queue")

            def entry(count: int, elapsed_ms: float) -> dict[str, int]:
                return {"count": count, "ns": int(elapsed_ms * 1e6)}

            return {
                "name": name,
                "version": str(version),
                "last_inference": int(series.last * 1e3),
                "inference_count": series.success,
                "execution_count": series.success,
                "inference_stats": {
                    "success": entry(series.success, series.success_ms),
                    "fail": entry(series.failed, series.failed_ms),
                    "queue": entry(series.success, series.queue_ms),
                    "compute_infer": entry(series.success, infer_ms),
                },
            }


def model_key(model: str, version: int) -> str:
    """The series of one version of a model."""
    return f"model {model} {version}"


def _summary(series: _Series) -> dict[str, Any]:
    recent = sorted(series.recent_ms)
    return {
        "success": series.success,
        "failed": series.failed,
        "success_ms": series.success_ms,
        "p50_ms": recent[len(recent) // 2] if recent else None,
        "p95_ms": recent[int(len(recent) * 0.95)] if recent else None,
        "stages_ms": dict(series.stages_ms),
    }

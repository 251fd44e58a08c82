"""The engine's statistics as Prometheus metrics, under Triton's names where Triton has one.

Names, labels and units follow Triton Inference Server's metrics: counters per model and version in
microseconds, summaries of the latest requests, pending requests, GPU utilisation and memory. Two
things are ours: pending requests are told by lane, and ``loupe_inference_batch_items`` counts the
calls by the number of items they carried.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from loupe.contract.runtime.lanes import BUCKETS

MEDIA_TYPE = CONTENT_TYPE_LATEST
_LABELS = ["model", "version"]
_REASONS = {
    "queue_full": "REJECTED",
    "deadline_exceeded": "REJECTED",
    "cancelled": "CANCELED",
    "engine_fault": "BACKEND",
    "engine_memory": "BACKEND",
}
_QUANTILES = (("0.5", "p50_ms"), ("0.95", "p95_ms"), ("0.99", "p99_ms"))
_TIMES = {
    "request": "Cumulative time of answered requests, from receipt to answer.",
    "queue": "Cumulative time requests waited for a thread.",
    "compute_input": "Cumulative time of decoding and preparing inputs.",
    "compute_infer": "Cumulative time of the network itself.",
    "compute_output": "Cumulative time of making outputs.",
}


def families(document: Mapping[str, Any]) -> Iterator[Metric]:
    """Everything a statistics document says of models, lanes and GPUs."""
    models = {
        (model, version): figures
        for kind, model, version, figures in _series(document["calls"])
        if kind == "model"
    }
    yield from _counts(models)
    yield from _durations(models)
    yield _batch_items(models)
    yield from _lanes(document["lanes"])
    yield from _gpus(document["gpus"])


def text(document: Mapping[str, Any]) -> bytes:
    """The same in Prometheus' text format, UTF-8."""

    class Once(Collector):
        def collect(self) -> Iterator[Metric]:
            return families(document)

    registry = CollectorRegistry()
    registry.register(Once())
    return generate_latest(registry)


def _series(calls: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    for key, figures in calls.items():
        kind, _, rest = key.partition(" ")
        model, _, version = rest.rpartition(" ")
        yield kind, model, version, figures


def _counts(models: Mapping[tuple[str, str], Mapping[str, Any]]) -> Iterator[Metric]:
    success = Plain("nv_inference_request_success", "Answered requests.", _LABELS)
    failure = Plain("nv_inference_request_failure", "Failed requests.", [*_LABELS, "reason"])
    items = Plain("nv_inference_count", "Items (pictures, rows) that were inferred.", _LABELS)
    calls = Plain("nv_inference_exec_count", "Calls of the network.", _LABELS)
    for key, figures in models.items():
        success.add(key, figures["success"])
        items.add(key, figures["items"])
        calls.add(key, figures["executions"])
        reasons: dict[str, int] = {}
        for code, count in figures["failures"].items():
            reason = _REASONS.get(code, "OTHER")
            reasons[reason] = reasons.get(reason, 0) + count
        for reason, count in reasons.items():
            failure.add((*key, reason), count)
    yield from (success, failure, items, calls)


def _durations(models: Mapping[tuple[str, str], Mapping[str, Any]]) -> Iterator[Metric]:
    for part, words in _TIMES.items():
        total = Plain(f"nv_inference_{part}_duration_us", words, _LABELS)
        summary = SummaryMetricFamily(
            f"nv_inference_{part}_summary_us",
            "Quantiles over the latest requests.",
            labels=_LABELS,
        )
        for key, figures in models.items():
            sum_us = float(figures["parts_ms"][part]) * 1e3
            total.add(key, sum_us)
            named = dict(zip(_LABELS, key, strict=True))
            for share, name in _QUANTILES:
                value = figures["recent"][part][name]
                if value is not None:
                    summary.add_sample(
                        summary.name, {**named, "quantile": share}, float(value) * 1e3
                    )
            summary.add_metric(list(key), count_value=figures["success"], sum_value=sum_us)
        yield total
        yield summary


def _batch_items(models: Mapping[tuple[str, str], Mapping[str, Any]]) -> Metric:
    family = HistogramMetricFamily(
        "loupe_inference_batch_items", "Items in one call of the network.", labels=_LABELS
    )
    for key, figures in models.items():
        sizes = {int(size): count for size, count in figures["batch_items"].items()}
        held = [
            (str(bound), sum(count for size, count in sizes.items() if size <= bound))
            for bound in BUCKETS
        ]
        family.add_metric(
            list(key),
            buckets=[*held, ("+Inf", sum(sizes.values()))],
            sum_value=sum(size * count for size, count in sizes.items()),
        )
    return family


def _lanes(lanes: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    pending = GaugeMetricFamily(
        "nv_inference_pending_request_count", "Requests that wait for a thread.", labels=["lane"]
    )
    refused = Plain("loupe_lane_refused_total", "Requests a full lane sent away.", ["lane"])
    oldest = GaugeMetricFamily(
        "loupe_lane_longest_wait_seconds", "The longest a request has waited.", labels=["lane"]
    )
    latency = GaugeMetricFamily(
        "loupe_lane_latency_seconds",
        "Quantiles over the latest answers of a lane.",
        labels=["lane", "quantile"],
    )
    for lane, figures in lanes.items():
        pending.add_metric([lane], float(figures["waiting"]))
        refused.add((lane,), figures["refused"])
        oldest.add_metric([lane], float(figures["oldest_ms"]) / 1e3)
        for share, name in _QUANTILES:
            if figures[name] is not None:
                latency.add_metric([lane, share], float(figures[name]) / 1e3)
    yield from (pending, refused, oldest, latency)


def _gpus(gpus: list[Mapping[str, Any]]) -> Iterator[Metric]:
    for name, figure, words in (
        ("nv_gpu_utilization", "utilization", "GPU utilisation, 0 to 1."),
        ("nv_gpu_memory_total_bytes", "memory_total_bytes", "Memory of the GPU."),
        ("nv_gpu_memory_used_bytes", "memory_used_bytes", "Memory of the GPU that is in use."),
    ):
        family = GaugeMetricFamily(name, words, labels=["gpu_uuid"])
        for gpu in gpus:
            family.add_metric([str(gpu["uuid"])], float(gpu[figure]))
        yield family


class Plain(Metric):
    """A counter without the suffix ``_total`` that the Python client insists on: Triton's have
    none, and dashboards made for Triton look for its names."""

    def __init__(self, name: str, words: str, labels: list[str]) -> None:
        # The format allows untyped samples under any name; the type is kept by name alone.
        super().__init__(name, words, "unknown")
        self._labels = labels

    def add(self, values: tuple[str, ...], value: float) -> None:
        """One series."""
        self.add_sample(self.name, dict(zip(self._labels, values, strict=True)), float(value))

"""The engine's statistics as Prometheus metrics, named as Triton names its own where it has any."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from loupe.engine import metrics

_GAUGES = {
    "memory_bytes": "Memory of the engine process.",
    "memory_budget_bytes": "Memory that models may take before the least used one is unloaded.",
}


def families(document: Mapping[str, Any]) -> Iterator[Metric]:
    """Every figure of the engine's statistics document."""
    for name, words in _GAUGES.items():
        family = GaugeMetricFamily(f"loupe_engine_{name}", words)
        family.add_metric([], float(document[name]))
        yield family
    yield _by_key("loupe_engine_queue", "Requests that wait or are worked on.", document["queue"])
    yield _by_key("loupe_engine_slabs", "Leased shared memory.", document["slabs"])
    yield _models(document["models"])
    services = CounterMetricFamily(
        "loupe_engine_service_requests", "Requests a live service journalled.", labels=["service"]
    )
    for slug, figures in document["services"].items():
        services.add_metric([slug], float(figures["requests"]))
    yield services
    yield from _live(document["services"])
    errors = CounterMetricFamily("loupe_engine_errors", "Failed requests by code.", labels=["code"])
    for code, count in document["errors"].items():
        errors.add_metric([code], float(count))
    yield errors
    yield from _calls(document["calls"])
    yield from metrics.families(document)


def _live(services: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    """How fresh the state of each live service is, and what it says of it."""
    fresh = GaugeMetricFamily(
        "loupe_engine_service_freshness_seconds",
        "From a request's acceptance until the state has it; quantiles over the latest requests.",
        labels=["service", "quantile"],
    )
    told = GaugeMetricFamily(
        "loupe_engine_service_state",
        "What a live service says of its state.",
        labels=["service", "figure"],
    )
    for slug, figures in services.items():
        for key, quantile in (("p50_ms", "0.5"), ("p95_ms", "0.95"), ("p99_ms", "0.99")):
            if key in figures.get("freshness", {}):
                fresh.add_metric([slug, quantile], float(figures["freshness"][key]) / 1e3)
        for name, value in figures.get("state", {}).items():
            told.add_metric([slug, name], float(value))
    yield from (fresh, told)


def _by_key(name: str, words: str, figures: Any) -> Metric:
    """A number, or one series per named number."""
    labelled = isinstance(figures, Mapping)
    family = GaugeMetricFamily(name, words, labels=["kind"] if labelled else [])
    if labelled:
        for kind, value in figures.items():
            family.add_metric([str(kind)], float(value))
    else:
        family.add_metric([], float(figures))
    return family


def _models(models: list[Mapping[str, Any]]) -> Metric:
    family = GaugeMetricFamily(
        "loupe_engine_model_bytes", "Memory of resident models.", labels=["model", "version"]
    )
    for model in models:
        family.add_metric([str(model["name"]), str(model["version"])], float(model["bytes"]))
    return family


def _calls(calls: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    """Counts and times by what was called: a model's version, a service, a verb."""
    done = CounterMetricFamily(
        "loupe_engine_request_success", "Answered requests.", labels=["call"]
    )
    failed = CounterMetricFamily(
        "loupe_engine_request_failure", "Failed requests.", labels=["call"]
    )
    took = CounterMetricFamily(
        "loupe_engine_request_duration_seconds", "Wall time of answered requests.", labels=["call"]
    )
    stages = CounterMetricFamily(
        "loupe_engine_stage_duration_seconds", "Wall time by stage.", labels=["call", "stage"]
    )
    latest = GaugeMetricFamily(
        "loupe_engine_request_latency_seconds",
        "Quantiles over the latest requests.",
        labels=["call", "quantile"],
    )
    for call, figures in calls.items():
        done.add_metric([call], float(figures["success"]))
        failed.add_metric([call], float(figures["failed"]))
        took.add_metric([call], float(figures["success_ms"]) / 1e3)
        for stage, elapsed_ms in figures["stages_ms"].items():
            stages.add_metric([call, stage], float(elapsed_ms) / 1e3)
        for key, quantile in (("p50_ms", "0.5"), ("p95_ms", "0.95")):
            if figures[key] is not None:
                latest.add_metric([call, quantile], float(figures[key]) / 1e3)
    yield from (done, failed, took, stages, latest)

"""The engine's statistics as Prometheus metrics.

A number becomes a gauge named after its place in the document; a list of things with a `name`
becomes one gauge per figure, labelled by `model` and `version`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

_WORD = re.compile(r"[^a-z0-9]+")


def families(document: Mapping[str, Any]) -> Iterator[Metric]:
    """Every figure of the document, as ``loupe_engine_…``."""
    found: dict[str, GaugeMetricFamily] = {}
    _walk("loupe_engine", document, (), found)
    yield from found.values()


def _walk(
    name: str,
    value: Any,
    labels: tuple[str, ...],
    found: dict[str, GaugeMetricFamily],
) -> None:
    if isinstance(value, bool | int | float):
        family = found.setdefault(
            name,
            GaugeMetricFamily(
                name,
                "A figure of the engine's statistics.",
                labels=["model", "version"] if labels else [],
            ),
        )
        family.add_metric(list(labels), float(value))
    elif isinstance(value, Mapping):
        for key, part in value.items():
            if key not in {"name", "version"}:
                _walk(f"{name}_{_WORD.sub('_', str(key).lower())}", part, labels, found)
    elif isinstance(value, list) and not labels:
        for part in value:
            if isinstance(part, Mapping) and "name" in part:
                _walk(name, part, (str(part["name"]), str(part.get("version", ""))), found)

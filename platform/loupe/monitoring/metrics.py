"""The metrics page: figures of the database and the engine, computed when they are asked for.

Computed figures need no counting in every process, so they hold for any number of web and worker
processes; only HTTP wall times are this process's own. Counts over all results cost an index scan,
so a page is kept for `KEPT_S`.
"""

import threading
import time
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count, Max, Min
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from loupe.audit.models import Event
from loupe.contract.runtime.errors import LoupeError
from loupe.delivery.models import Delivery
from loupe.engine.client import EngineClient
from loupe.jobs.models import Item, ItemState, Job, JobState, Result, ResultBlock
from loupe.monitoring import engine_figures
from loupe.monitoring.http import REGISTRY

KEPT_S = 5.0
OPEN = (JobState.QUEUED, JobState.RUNNING)


class Platform(Collector):
    """Jobs, items, results, deliveries and the audit log."""

    def collect(self) -> Iterator[Metric]:
        """One query a family."""
        yield self._jobs()
        yield from self._items()
        yield self._results()
        yield self._deliveries()
        events = CounterMetricFamily("loupe_audit_events", "Events in the audit log.")
        events.add_metric([], Event.objects.aggregate(last=Max("pk"))["last"] or 0)
        yield events

    def _jobs(self) -> Metric:
        family = GaugeMetricFamily("loupe_jobs", "Jobs by state.", labels=["app", "state"])
        for row in Job.objects.values("app", "state").annotate(count=Count("pk")).order_by():
            family.add_metric([row["app"], row["state"]], row["count"])
        return family

    def _items(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "loupe_items", "Items of jobs that have not ended, by state.", labels=["app", "state"]
        )
        unfinished = Item.objects.filter(job__state__in=OPEN)
        for row in unfinished.values("job__app", "state").annotate(count=Count("pk")).order_by():
            family.add_metric([row["job__app"], row["state"]], row["count"])
        yield family
        oldest = unfinished.filter(state=ItemState.QUEUED).aggregate(first=Min("created_at"))
        age = GaugeMetricFamily(
            "loupe_queue_oldest_seconds", "Age of the oldest item that waits; 0 if none does."
        )
        first = oldest["first"]
        age.add_metric([], (timezone.now() - first).total_seconds() if first else 0.0)
        yield age

    def _results(self) -> Metric:
        # A gauge: a review moves a result from one outcome to another.
        family = GaugeMetricFamily(
            "loupe_results", "Results by outcome as it stands now.", labels=["app", "outcome"]
        )
        counts: dict[tuple[str, str], int] = {}
        for row in Result.objects.values("app", "outcome").annotate(count=Count("pk")).order_by():
            counts[row["app"], row["outcome"]] = row["count"]
        for app, outcomes in ResultBlock.objects.values_list("app", "outcomes").iterator():
            for outcome, count in outcomes.items():
                counts[app, outcome] = counts.get((app, outcome), 0) + count
        for (app, outcome), count in sorted(counts.items()):
            family.add_metric([app, outcome], count)
        return family

    def _deliveries(self) -> Metric:
        family = GaugeMetricFamily(
            "loupe_webhook_deliveries", "Webhook deliveries by state.", labels=["state"]
        )
        for row in Delivery.objects.values("state").annotate(count=Count("pk")).order_by():
            family.add_metric([row["state"]], row["count"])
        return family


class Engine(Collector):
    """What the engine says of itself; only `loupe_engine_up 0` while it does not answer."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("loupe_engine_up", "1 while the engine answers.")
        try:
            figures = EngineClient(settings.ENGINE_SOCKET, connect_timeout_s=1.0).statistics()
        except LoupeError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from engine_figures.families(figures)


class Page:
    """The last page of computed figures, shared by the threads of a process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(Platform())
        self._registry.register(Engine())
        self._lock = threading.Lock()
        self._made_at = float("-inf")
        self._text = b""

    def text(self) -> bytes:
        """The figures, at most `KEPT_S` old."""
        with self._lock:
            if time.monotonic() - self._made_at > KEPT_S:
                self._text = generate_latest(self._registry)
                self._made_at = time.monotonic()
            return self._text

    def forget(self) -> None:
        """Compute the next page anew, however young the last one is."""
        with self._lock:
            self._made_at = float("-inf")


PAGE = Page()


def render() -> bytes:
    """Everything in Prometheus' text format, UTF-8."""
    return PAGE.text() + generate_latest(REGISTRY)

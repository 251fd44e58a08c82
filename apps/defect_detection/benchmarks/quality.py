"""``manage.py bench quality``: the quality page, its pictures and the station page over many parts.

Works on a database of its own that it makes and drops: SQLite in a temporary folder, or one on the
PostgreSQL server of ``DATABASE_URL``. First it proves that every number of the page is that of a
count over the rows one by one. Times are of whole requests through Django, without the network; the
peer is the same page over 300 parts.
"""

import argparse
import gc
import json
import logging
import os
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connection
from django.test import Client
from django.test.runner import DiscoverRunner
from django.test.utils import override_settings

from apps.defect_detection.benchmarks.line import fill
from apps.defect_detection.models import Part
from apps.defect_detection.services import quality
from apps.defect_detection.services.parts import Filters
from loupe.contract.runtime.errors import LoupeError
from loupe.host.people import SYSTEM, Project
from loupe.testing import factories

APP = "defect_detection"
LIMIT_MS = 150.0
FEW = 300


def prove(project: Project) -> None:
    """Count part by part what the page counts at once.

    Raises:
        LoupeError: a number differs.
    """
    found = quality.figures(SYSTEM, project, Filters())
    outcomes: Counter[str] = Counter()
    days: Counter[object] = Counter()
    lots: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    rows = Part.objects.filter(project=project, day__range=(found.since, found.until))
    for part in rows.prefetch_related("views__defects"):
        outcomes[part.outcome] += 1
        days[part.day] += 1
        if part.outcome != "pass":
            lots[part.lot] += 1
            here = {one.label for view in part.views.all() for one in view.defects.all()}
            labels.update(here)
    said = (
        {"pass": found.passed, "fail": found.failed, "review": found.review},
        {day.day: day.parts for day in found.days if day.parts},
        {bar.key: bar.bad for bar in found.lots},
        {bar.key: bar.bad for bar in found.defects},
    )
    counted = (dict(outcomes), dict(days), {key: lots[key] for key in said[2]}, dict(labels))
    if said != counted:
        raise LoupeError(f"Part by part: {counted}; the page: {said}.")


def timed(client: Client, address: str, repeats: int) -> dict[str, float]:
    """Milliseconds at p50 and p95 of whole requests, and of the processor at p50, which says what a
    machine that is shared with other work would have needed alone.

    Raises:
        LoupeError: the page does not answer.
    """
    times, busy = [], []
    for _ in range(repeats + 1):
        start, spent = time.perf_counter(), time.process_time()
        answer = client.get(address)
        times.append((time.perf_counter() - start) * 1e3)
        busy.append((time.process_time() - spent) * 1e3)
        if answer.status_code != 200:
            raise LoupeError(f"{address} answered {answer.status_code}.")
    cuts = statistics.quantiles(times[1:], n=20)  # the first one compiles templates
    return {
        "p50_ms": round(cuts[9], 1),
        "p95_ms": round(cuts[18], 1),
        "cpu_ms": round(statistics.median(busy[1:]), 1),
    }


def run(count: int, repeats: int) -> list[dict[str, object]]:
    """One line a page."""
    clients: dict[int, Client] = {}
    for parts in (FEW, count):
        project = factories.project(f"bench-{parts}", f"{parts} parts", "Asia/Shanghai")
        fill(project, parts)
        prove(project)
        clients[parts] = Client(headers={"host": "localhost"})
        clients[parts].force_login(
            factories.person(f"bench-{parts}", project),
            backend="django.contrib.auth.backends.ModelBackend",
        )
    gc.collect()
    gc.freeze()  # as `loupe.asgi` does for the web process
    lines: list[dict[str, object]] = []
    for name, path in (
        ("quality", "quality/"),
        ("quality, one product", "quality/?product=part-1"),
        ("quality, pictures of a class", "quality/pictures?label=crack"),
        ("station", "stations/line-1/"),
        ("parts", "parts/"),
        ("parts, a serial", "parts/?serial=s0001"),
    ):
        few = timed(clients[FEW], f"/{APP}/p/bench-{FEW}/{path}", repeats)
        many = timed(clients[count], f"/{APP}/p/bench-{count}/{path}", repeats)
        lines.append(
            {
                "page": name,
                **many,
                f"ratio_to_{FEW}_parts": round(many["p50_ms"] / few["p50_ms"], 2),
                "within_150_ms": many["p95_ms"] <= LIMIT_MS,
            }
        )
    return lines


def main(arguments: list[str]) -> int:
    """Print one JSON line a page; 0 when all stay within the limit."""
    parser = argparse.ArgumentParser(prog="bench quality", description=__doc__)
    parser.add_argument("--parts", type=int, default=50_000, help="over 30 days")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args(arguments)
    logging.disable(logging.INFO)
    runner = DiscoverRunner(verbosity=0, interactive=False)
    load = round(os.getloadavg()[0], 2)
    with TemporaryDirectory(prefix="loupe-bench-") as folder:
        if connection.vendor == "sqlite":  # else the runner would work in memory
            connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / "bench.sqlite3")
        with override_settings(VAR=Path(folder), STORAGE_URL=f"file://{folder}/blobs"):
            databases = runner.setup_databases()
            try:
                lines = run(options.parts, options.repeats)
            finally:
                runner.teardown_databases(databases)
    facts = {"database": connection.vendor, "parts": options.parts, "load_before": load}
    for line in lines:
        sys.stdout.write(json.dumps({**facts, **line}) + "\n")
    return int(not all(line["within_150_ms"] for line in lines))

"""``manage.py bench pages``: how long pages take over many results, and how many queries.

Works on a database of its own that it makes and drops: SQLite in a temporary folder, or one on the
PostgreSQL server of ``DATABASE_URL``. Times are of the whole request through Django, without
the network; the peer is the same page over sixty results.
"""

import argparse
import gc
import json
import logging
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.test import Client
from django.test.runner import DiscoverRunner
from django.urls import reverse
from django.utils import timezone

from loupe.accounts.models import Project
from loupe.console.benchmarks.crowd import DAYS, fill, person
from loupe.contract.app import DomainApp
from loupe.jobs.models import Job, Result
from loupe.plugins import registry

FEW = 60  # a little more than one page of the list


def addresses(project: Project, app: type[DomainApp], job: Job) -> dict[str, str]:
    """The pages that read results, by name."""
    mine = {"project": project.slug, "app": app.slug}
    listing = reverse("console:results", kwargs=mine)
    middle = Result.objects.filter(job=job).order_by("pk")[job.items.count() // 2]
    outcome = app.outcomes[0].key
    day = (timezone.now() - DAYS * 0.8).date().isoformat()
    return {
        "home": reverse("console:home", kwargs={"project": project.slug}),
        "jobs": reverse("console:jobs", kwargs={"project": project.slug}),
        "job": reverse("console:job", kwargs={"project": project.slug, "job_id": job.pk}),
        "results": listing,
        "results, deep": f"{listing}?{urlencode({'after': middle.pk})}",
        "results, one outcome": f"{listing}?{urlencode({'outcome': outcome})}",
        "results, unreviewed": f"{listing}?{urlencode({'reviewed': 'no'})}",
        "results, a rare name": f"{listing}?{urlencode({'q': f'{middle.item.position:06d}'})}",
        "results, a common name": f"{listing}?{urlencode({'q': 'line/0'})}",
        "results, no such name": f"{listing}?{urlencode({'q': 'nowhere'})}",
        "results, an old day": f"{listing}?{urlencode({'from': day, 'to': day})}",
        "search": f"{reverse('console:search', kwargs={'project': project.slug})}?q=nowhere",
        "result": reverse("console:result", kwargs={**mine, "result_id": middle.pk}),
    }


def measure(client: Client, address: str, repeats: int) -> dict[str, float]:
    """Milliseconds at p50 and p95 of `repeats` requests, and the queries of one."""
    queries = 0

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}.")
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        client.get(address)
        times.append((time.perf_counter() - start) * 1e3)
    cuts = statistics.quantiles(times, n=20)
    return {"p50_ms": round(cuts[9], 1), "p95_ms": round(cuts[18], 1), "queries": queries}


def run(count: int, repeats: int) -> list[dict[str, object]]:
    """One line a page: over `count` results and over little more than one page."""
    app = next(app for app in registry.installed() if app.result_form == "rows")
    clients: dict[int, Client] = {}
    pages: dict[int, dict[str, str]] = {}
    for results in (FEW, count):
        project = Project.objects.create(slug=f"bench-{results}", name=f"{results} results")
        if not clients:
            user = person(project)
        else:
            project.memberships.create(user=user, role="reviewer")
        job = fill(project, app, results)
        clients[results] = Client(headers={"host": "localhost"})
        clients[results].force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        pages[results] = addresses(project, app, job)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    gc.collect()
    gc.freeze()  # as `loupe.asgi` does for the web process
    lines: list[dict[str, object]] = []
    for name in pages[count]:
        few = measure(clients[FEW], pages[FEW][name], repeats)
        many = measure(clients[count], pages[count][name], repeats)
        lines.append(
            {
                "page": name,
                "results": count,
                **many,
                "ratio_to_sixty_results": round(many["p50_ms"] / few["p50_ms"], 2),
                "same_queries": many["queries"] == few["queries"],
                "within_150_ms": many["p95_ms"] <= 150,
            }
        )
    return lines


def main(arguments: list[str]) -> int:
    """Print one JSON line a page."""
    parser = argparse.ArgumentParser(prog="bench pages", description=__doc__)
    parser.add_argument("--results", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args(arguments)
    logging.disable(logging.INFO)
    runner = DiscoverRunner(verbosity=0, interactive=False)
    with TemporaryDirectory(prefix="loupe-bench-") as folder:
        if connection.vendor == "sqlite":  # else the runner would work in memory
            connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / "bench.sqlite3")
        databases = runner.setup_databases()
        try:
            lines = run(options.results, options.repeats)
        finally:
            runner.teardown_databases(databases)
    engine = connection.vendor
    for line in lines:
        sys.stdout.write(json.dumps({"database": engine, **line}) + "\n")
    return 0

"""``manage.py bench datasets``: the pages of a dataset of many records.

Works on a database of its own that it makes and drops: SQLite in a temporary folder, or one on the
PostgreSQL server of ``DATABASE_URL``. Times are of whole requests through Django, without the
network and without the pictures, which the browser asks for afterwards as they scroll into view.
The peer is the same page over sixty records.
"""

import argparse
import gc
import json
import logging
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.runner import DiscoverRunner
from django.urls import reverse
from django.utils import timezone

from loupe.accounts.models import Membership, Project, Role
from loupe.blobs.models import Blob
from loupe.bulk import insert
from loupe.contract.runtime.errors import LoupeError
from loupe.datasets.browsing import summary
from loupe.datasets.models import Dataset, Record, RecordClass, RecordState, Split
from loupe.plugins import registry

FEW = 60
OPEN_MS = 1000.0
P95_MS = 150.0
CLASSES = tuple(f"class-{n}" for n in range(8))


def fill(project: Project, app: str, count: int) -> Dataset:
    """A dataset of `count` records, half of them labelled, in groups of ten."""
    chance = random.Random(13)  # noqa: S311
    data = Dataset.objects.create(project=project, app=app, name="bench", about={})
    blobs = insert(
        Blob(
            sha256=f"{count:08x}{number:056x}", size=1000, media_type="image/png",
            last_stored_at=timezone.now(),
        )
        for number in range(count)
    )  # fmt: skip
    records = insert(
        Record(
            dataset=data, blob=blob, name=f"lot/{number:06d}.png", group=f"g{number // 10}",
            split=chance.choice(("", *Split.values)), fingerprint=chance.getrandbits(62),
            state=RecordState.LABELLED if number % 2 else RecordState.TODO,
        )
        for number, blob in enumerate(blobs)
    )  # fmt: skip
    insert(_classes(chance, list(records)))
    return data


def _classes(chance: random.Random, records: list[Record]) -> Iterator[RecordClass]:
    for record in records:
        if record.state == RecordState.LABELLED:
            for name in chance.sample(CLASSES, chance.randint(0, 3)):
                yield RecordClass(dataset_id=record.dataset_id, record=record, name=name, count=2)


def addresses(project: Project, data: Dataset) -> dict[str, str]:
    """The pages by name."""
    there = reverse("console:dataset", args=[project.slug, data.pk])
    middle = Record.objects.filter(dataset=data).order_by("pk")[data.records.count() // 2]
    return {
        "datasets": reverse("console:datasets", args=[project.slug]),
        "dataset": there,
        "dataset, deep": f"{there}?after={middle.pk}",
        "dataset, one class": f"{there}?label={CLASSES[0]}",
        "dataset, to label": f"{there}?state=todo",
        "dataset, by name": f"{there}?q={middle.name[4:10]}",
    }


def timed(client: Client, address: str, repeats: int) -> dict[str, float]:
    """Milliseconds of the first request, at p50 and p95, and of the processor at p50.

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
    cuts = statistics.quantiles(times[1:], n=20)
    return {
        "first_ms": round(times[0], 1),
        "p50_ms": round(cuts[9], 1),
        "p95_ms": round(cuts[18], 1),
        "cpu_ms": round(statistics.median(busy[1:]), 1),
    }


def run(count: int, repeats: int) -> list[dict[str, object]]:
    """One line a page."""
    app = next(app for app in registry.installed() if app.labelling is not None).slug
    user = User.objects.create_user("bench")
    client = Client(headers={"host": "localhost"})
    pages: dict[int, dict[str, str]] = {}
    for records in (FEW, count):
        project = Project.objects.create(slug=f"bench-{records}", name=f"{records} records")
        Membership.objects.create(project=project, user=user, role=Role.ENGINEER)
        data = fill(project, app, records)
        if summary(data).total != records:
            raise LoupeError(f"{summary(data).total} of {records} records were counted.")
        pages[records] = addresses(project, data)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    gc.collect()
    gc.freeze()  # as `loupe.asgi` does for the web process
    lines: list[dict[str, object]] = []
    for name in pages[count]:
        many = timed(client, pages[count][name], repeats)
        few = timed(client, pages[FEW][name], repeats)
        lines.append(
            {
                "page": name,
                "records": count,
                **many,
                "ratio_to_sixty_records": round(many["p50_ms"] / few["p50_ms"], 2),
                "opens_within_1_s": many["first_ms"] <= OPEN_MS,
                "within_150_ms": many["p95_ms"] <= P95_MS,
            }
        )
    return lines


def main(arguments: list[str]) -> int:
    """Print one JSON line a page; 0 when all stay within both limits."""
    parser = argparse.ArgumentParser(prog="bench datasets", description=__doc__)
    parser.add_argument("--records", type=int, default=5_000)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args(arguments)
    logging.disable(logging.INFO)
    runner = DiscoverRunner(verbosity=0, interactive=False)
    load = round(os.getloadavg()[0], 2)
    with TemporaryDirectory(prefix="loupe-bench-") as folder:
        if connection.vendor == "sqlite":  # else the runner would work in memory
            connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / "bench.sqlite3")
        databases = runner.setup_databases()
        try:
            lines = run(options.records, options.repeats)
        finally:
            runner.teardown_databases(databases)
    for line in lines:
        facts = {"database": connection.vendor, "load_before": load}
        sys.stdout.write(json.dumps({**facts, **line}) + "\n")
    return int(not all(line["opens_within_1_s"] and line["within_150_ms"] for line in lines))

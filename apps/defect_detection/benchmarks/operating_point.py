"""``manage.py bench operating-point``: the operating point's page over many past results.

Works on a database of its own that it makes and drops, and in a folder of its own for what is
derived from it. First it proves that the quick way decides as `decide` does, result by result; that
is also the peer. Times are of whole requests through Django, without the network.
"""

import argparse
import gc
import json
import logging
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.db import connection
from django.test import Client
from django.test.runner import DiscoverRunner
from django.test.utils import override_settings

from apps.defect_detection.app import App
from apps.defect_detection.operating.boxes import OUTCOMES
from apps.defect_detection.points.rehearsing import rehearse
from apps.defect_detection.schema import DetectionResult, OperatingPoint
from loupe.host.models import ModelVersion
from loupe.host.people import SYSTEM, Project
from loupe.host.results import Result
from loupe.testing import factories

APP = "defect_detection"
CLASSES = ("scratch", "pit", "crack", "stain")
LIMIT_MS = 300.0
ASKED = {"ask": "limits", "escape": "2", "overkill": "5", "rules": "on"}
POINT = OperatingPoint(threshold=0.62, review_from=0.41)


def drawn(chance: random.Random, count: int) -> Iterator[factories.Made]:
    """Results with none to six finds, as a line's pictures have."""
    for number in range(count):
        boxes = []
        for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 3, 6))):
            x, y = chance.uniform(0, 1100), chance.uniform(0, 900)
            boxes.append(
                {
                    "x1": round(x, 2),
                    "y1": round(y, 2),
                    "x2": round(x + chance.uniform(8, 120), 2),
                    "y2": round(y + chance.uniform(8, 120), 2),
                    "label": chance.choice(CLASSES),
                    "score": round(chance.uniform(0.1, 1), 6),
                    "severity": chance.choice(("critical", "major", "minor")),
                }
            )
        data = {
            "image": {"width": 1280, "height": 1024, "channels": 3, "bits": 8},
            "boxes": boxes,
            "runtime": "onnx",
        }
        yield factories.Made(name=f"part-{number:06d}.png", data=data)


def predictions(chance: random.Random, parts: int) -> Iterator[str]:
    """Half of the parts bad, four pictures a part, a find on most defects and some on nothing."""
    for number in range(parts * 4):
        bad = (number // 4) % 2 == 0
        label = chance.choice(CLASSES)
        spot = [100, 100, 160, 150]
        boxes = [[*spot, round(chance.betavariate(7, 2), 4), label]] if bad else []
        for _ in range(chance.choice((0, 1, 2, 4))):
            corners = [round(chance.uniform(300, 900), 1), 300, 1000, 380]
            boxes.append([*corners, round(chance.betavariate(1.2, 12), 4), chance.choice(CLASSES)])
        yield json.dumps(
            {
                "name": f"{number}.png", "group": f"part-{number // 4}", "split": "test",
                "width": 1280, "height": 1024,
                "truth": [[*spot, label]] if bad else [], "boxes": boxes,
            }
        )  # fmt: skip


def fill(results: int, parts: int) -> tuple[Project, ModelVersion, Client]:
    """A project whose model was evaluated and has decided `results` pictures."""
    chance = random.Random(5)  # noqa: S311
    project = factories.project("bench", "Bench")
    version = factories.model_version(project, APP, "bench", classes=CLASSES)
    factories.evaluation(version, project, predictions(chance, parts))
    for start in range(0, results, 5000):
        made = drawn(chance, min(5000, results - start))
        factories.job(project, APP, made, version=version, name=f"from {start}")
    reviewed = Result.objects.order_by("pk").values_list("pk", flat=True)[: results // 20]
    Result.objects.filter(pk__in=list(reviewed)).update(reviewed=True, outcome="pass")
    client = Client(headers={"host": "localhost"})
    person = factories.person("bench", project)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return project, version, client


def prove(project: Project, version: ModelVersion) -> float:
    """Seconds that deciding one by one takes, the same counts as the quick way's.

    Raises:
        RuntimeError: the counts differ.
    """
    start = time.perf_counter()
    counts = dict.fromkeys(OUTCOMES, 0)
    for data in Result.objects.values_list("data", flat=True).iterator(chunk_size=2000):
        counts[App.decide(DetectionResult.model_validate(data), POINT).outcome] += 1
    seconds = time.perf_counter() - start
    quick = rehearse(SYSTEM, project, version, POINT, seconds=60)
    if dict(quick.would) != counts:
        raise RuntimeError(f"One by one: {counts}; at once: {dict(quick.would)}.")
    return seconds


def timed(work: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Milliseconds at p50 and p95."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    cuts = statistics.quantiles(times, n=20)
    return {"p50_ms": round(cuts[9], 1), "p95_ms": round(cuts[18], 1)}


def run(results: int, parts: int, repeats: int) -> list[dict[str, object]]:
    """One line a request."""
    project, version, client = fill(results, parts)
    base = f"/{APP}/p/{project.slug}/models/{version.model_id}/{version.number}/point/"

    def get(address: str, asked: dict[str, str]) -> bytes:
        answer = client.get(address, asked)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answered {answer.status_code}.")
        return answer.content

    # What a process does once: imports, templates, and the predictions in columns.
    get(base, ASKED)
    other = factories.model_version(project, APP, "other", classes=CLASSES)
    get(base.replace(f"/{version.model_id}/", f"/{other.model_id}/") + "past", {})
    gc.collect()
    gc.freeze()  # as `loupe.asgi` does for the web process
    looks, longest, start = 0, 0.0, time.perf_counter()
    while True:
        began = time.perf_counter()
        page = get(f"{base}past", ASKED)
        longest = max(longest, (time.perf_counter() - began) * 1e3)
        looks += 1
        if b"<progress" not in page:
            break
    first = time.perf_counter() - start
    one_by_one = prove(project, version)
    lines: list[dict[str, object]] = [
        {
            "what": "first look at every result, in requests that each stay short",
            "requests": looks,
            "longest_ms": round(longest, 1),
            "together_s": round(first, 2),
            "one_by_one_s": round(one_by_one, 2),
            "within_300_ms": longest <= LIMIT_MS,
        }
    ]
    for name, address, asked in (
        ("page, no question", base, {}),
        ("page, a fit with two limits", base, ASKED),
        ("page, a fit by class", base, {**ASKED, "by_class": "on"}),
        ("past results, as decided", f"{base}past", {}),
        ("past results, under a fit", f"{base}past", ASKED),
    ):
        found = timed(lambda at=address, said=asked: get(at, said), repeats)  # type: ignore[misc]
        lines.append({"what": name, **found, "within_300_ms": found["p95_ms"] <= LIMIT_MS})
    return lines


def main(arguments: list[str]) -> int:
    """Print one JSON line a request; 0 when all stay within the limit."""
    parser = argparse.ArgumentParser(prog="bench operating-point", description=__doc__)
    parser.add_argument("--results", type=int, default=100_000)
    parser.add_argument(
        "--parts", type=int, default=1000, help="of the evaluation, four pictures each"
    )
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args(arguments)
    logging.disable(logging.INFO)
    runner = DiscoverRunner(verbosity=0, interactive=False)
    with TemporaryDirectory(prefix="loupe-bench-") as folder:
        if connection.vendor == "sqlite":  # else the runner would work in memory
            connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / "bench.sqlite3")
        places = {"VAR": Path(folder), "STORAGE_URL": f"file://{folder}/blobs"}
        with override_settings(**places):
            databases = runner.setup_databases()
            try:
                lines = run(options.results, options.parts, options.repeats)
            finally:
                runner.teardown_databases(databases)
    facts = {
        "database": connection.vendor,
        "results": options.results,
        "pictures": options.parts * 4,
    }
    for line in lines:
        sys.stdout.write(json.dumps({**facts, **line}) + "\n")
    return int(not all(line["within_300_ms"] for line in lines))

"""``manage.py bench similar``: searching 100,000 kept vectors for the like of one.

Works on a database of its own that it makes and drops. Vectors are kept as one signed byte a
dimension; what is found is compared with an exact search in fp32 over the vectors before they were
kept, which is also the peer. The engine's part, looking at the picture that is asked about, is not
in these times: `bench inspect` measures it.
"""

import argparse
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from django.db import connection
from django.test.runner import DiscoverRunner
from django.test.utils import override_settings
from numpy.typing import NDArray

from apps.defect_detection.models import Case, Embedder
from apps.defect_detection.similar import keeping, searching
from loupe.contract.runtime.errors import LoupeError
from loupe.host.results import Result, insert
from loupe.testing import factories

APP = "defect_detection"
PLACES = 4  # a result
WANTED = 10  # nearest results
LEAST_RECALL = 0.95
CHUNK = 1000
Vectors = NDArray[np.float32]


def drawn(count: int, dimensions: int) -> Vectors:
    """Unit vectors [count, dimensions] in clusters around one common part, as a line's are."""
    chance = np.random.default_rng(3)
    common = chance.standard_normal(dimensions)
    centres = chance.standard_normal((200, dimensions)) * 0.6
    found = common + centres[chance.integers(200, size=count)]
    found += chance.standard_normal((count, dimensions)) * 0.5
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def kept(vectors: Vectors) -> tuple[Embedder, NDArray[np.int64]]:
    """The vectors as cases, `PLACES` a result; and the result of each."""
    project = factories.project("bench", "Bench")
    version = factories.model_version(project, APP, "bench")
    embedder = Embedder.objects.create(project=project, version=version)
    owners: list[int] = []
    image = {"width": 640, "height": 640, "channels": 3, "bits": 8}
    for start in range(0, len(vectors) // PLACES, CHUNK):
        numbers = range(start, min(start + CHUNK, len(vectors) // PLACES))
        made = [
            factories.Made(name=f"{n}.png", data={"image": image, "boxes": []}) for n in numbers
        ]
        job = factories.job(project, APP, made, version=version)
        results = list(Result.objects.filter(job=job).order_by("pk").values_list("pk", flat=True))
        insert(_cases(embedder, results, vectors[start * PLACES :]))
        owners += [pk for pk in results for _ in range(PLACES)]
    return embedder, np.array(owners)


def _cases(embedder: Embedder, results: list[int], vectors: Vectors) -> Iterator[Case]:
    for number, result in enumerate(results):
        for place in range(PLACES):
            yield Case(
                result_id=result, project_id=embedder.project_id, embedder=embedder, place=place,
                x1=0, y1=0, x2=9, y2=9, label="",
                vector=keeping.as_bytes(vectors[number * PLACES + place]),
            )  # fmt: skip


def exact(vectors: Vectors, owners: NDArray[np.int64], wanted: int) -> set[int]:
    """The nearest results by the cosine of every vector less their mean, in fp32."""
    centred = vectors - vectors.mean(0)
    scores = centred @ centred[wanted] / np.linalg.norm(centred, axis=1)
    found: dict[int, None] = {}
    for index in np.argsort(-scores, kind="stable"):
        if owners[index] != owners[wanted]:
            found.setdefault(int(owners[index]))
        if len(found) == WANTED:
            break
    return set(found)


def run(count: int, dimensions: int, repeats: int) -> dict[str, object]:
    """One line of figures."""
    vectors = drawn(count, dimensions)
    embedder, owners = kept(vectors)
    asked = np.random.default_rng(9).choice(len(owners), repeats, replace=False)
    start = time.perf_counter()
    searching.nearest(embedder, vectors[0], WANTED, without=0)
    first = time.perf_counter() - start
    times, busy, peers, shared = [], [], [], 0
    for index in asked.tolist():
        start, spent = time.perf_counter(), time.process_time()
        near, searched = searching.nearest(
            embedder, vectors[index], WANTED, without=int(owners[index])
        )
        middle, until = time.perf_counter(), time.process_time()
        truth = exact(vectors, owners, index)
        peers.append((time.perf_counter() - middle) * 1e3)
        times.append((middle - start) * 1e3)
        busy.append((until - spent) * 1e3)
        shared += len(truth & {one.result_id for one in near})
        if searched != count:
            raise LoupeError(f"{searched} of {count} places were searched.")
    cuts = statistics.quantiles(times, n=20)
    return {
        "vectors": count,
        "dimensions": dimensions,
        "recall_at_10": round(shared / (WANTED * repeats), 4),
        "p50_ms": round(cuts[9], 1),
        "p95_ms": round(cuts[18], 1),
        "cpu_ms": round(statistics.median(busy), 1),
        "first_ms": round(first * 1e3),
        "exact_fp32_p50_ms": round(statistics.median(peers), 1),
        "bytes_a_vector": dimensions,
    }


def main(arguments: list[str]) -> int:
    """Print one JSON line; 1 where fewer than 95 % of the nearest are found."""
    parser = argparse.ArgumentParser(prog="bench similar", description=__doc__)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=50)
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
                line = run(options.vectors, options.dimensions, options.repeats)
            finally:
                runner.teardown_databases(databases)
    found = {"database": connection.vendor, "load_before": load, **line}
    sys.stdout.write(json.dumps(found) + "\n")
    return int(float(str(line["recall_at_10"])) < LEAST_RECALL)

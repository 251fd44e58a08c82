"""``manage.py bench inspect``: what the platform adds to one synchronous inspection.

A warm 640² JPEG is posted again and again over one connection of Python's own client; from each
answer's wall time the runtime's own forward time (the stage ``infer``) is taken away. The rest is
HTTP, authentication, hashing, decoding, letterbox, NMS, the decision and storage.
"""

import argparse
import json
import time
from contextlib import nullcontext
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from apps.defect_detection.benchmarks.frames import write_frames
from loupe.testing import installation

WARM = 20
LIMITS_MS = {50: 8.0, 99: 20.0}


def main(argv: list[str]) -> int:
    """Measure and print; 0 when both limits hold."""
    parser = argparse.ArgumentParser(prog="manage.py bench inspect")
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--url", help="a Loupe that runs already; with --key")
    parser.add_argument("--key", help="an API key with the scopes submit, view and export")
    parser.add_argument("--project", default="demo", help="the key's project")
    options = parser.parse_args(argv)
    running = (
        nullcontext(installation.given(options.url, options.key or "", options.project))
        if options.url
        else installation.own()
    )
    with TemporaryDirectory(prefix="loupe-frames-") as folder, running as loupe:
        bodies = [path.read_bytes() for path in write_frames(Path(folder), 20)]
        line = HTTPConnection(loupe.http.base_url.host, loupe.http.base_url.port)
        headers = {
            "Authorization": loupe.http.headers["Authorization"],
            "Content-Type": "image/jpeg",
        }
        address = f"/api/v1/defect_detection/inspect?project={loupe.project}"
        walls, forwards, stages = [], [], []
        for index in range(WARM + options.calls):
            start = time.perf_counter()
            line.request("POST", address, bodies[index % len(bodies)], headers)
            answer = line.getresponse()
            text = answer.read()
            wall = (time.perf_counter() - start) * 1e3
            if answer.status != 200:
                raise RuntimeError(f"{address} answered {answer.status}: {text[:500]!r}")
            if index >= WARM:
                times = json.loads(text)["times_ms"]
                walls.append(wall)
                forwards.append(times["infer"])
                stages.append(times)
        line.close()
    added = np.asarray(walls) - np.asarray(forwards)
    print(f"{options.calls} calls of one 640² JPEG, one at a time, milliseconds\n")
    print(f"{'':24}{'p50':>8}{'p99':>8}")
    rows = (
        ("wall, client to client", walls),
        ("forward", forwards),
        ("added by the platform", added),
    )
    for name, values in rows:
        print(f"{name:24}{np.percentile(values, 50):8.1f}{np.percentile(values, 99):8.1f}")
    print(f"{'at most':24}{LIMITS_MS[50]:8.1f}{LIMITS_MS[99]:8.1f}\n")
    names = list(dict.fromkeys(name for times in stages for name in times))
    medians = {name: float(np.median([times.get(name, 0.0) for times in stages])) for name in names}
    print("median of each stage: " + ", ".join(f"{name} {ms:.2f}" for name, ms in medians.items()))
    return int(any(np.percentile(added, share) > limit for share, limit in LIMITS_MS.items()))

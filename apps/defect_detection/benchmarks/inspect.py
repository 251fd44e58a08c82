"""``manage.py bench inspect``: what the platform adds to one synchronous inspection.

A warm 640² JPEG is posted again and again over one connection of Python's own client; from each
answer's wall time the runtime's own forward time (the stage ``infer``) is taken away. The rest is
HTTP, authentication, hashing, decoding, letterbox, NMS, the decision and storage.

The engine's network takes BGR bytes: colour order and scaling are compiled into it and so part of
its forward. A second, stricter account takes away the plain network's forward instead, on a float
tensor that is normalised already, run by this process in turns with the calls.
"""

import argparse
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from apps.defect_detection.benchmarks.frames import write_frames
from apps.defect_detection.benchmarks.runtimes import ARTEFACT
from apps.defect_detection.inference.decode import MAX_PIXELS, pixels
from apps.defect_detection.inference.letterbox import as_input, letterbox
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.runtimes import open_runtime
from loupe.testing import installation

TURN = 20
"""Calls, then as many plain forwards."""
LIMITS_MS = {50: 8.0, 99: 20.0}


@dataclass
class Measured:
    """Milliseconds, one a call; ``plain`` one a forward.

    Attributes:
        over_plain: wall time less the median plain forward of the same turn.
    """

    walls: list[float] = field(default_factory=list)
    forwards: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    over_plain: list[float] = field(default_factory=list)
    stages: list[dict[str, float]] = field(default_factory=list)

    @property
    def added(self) -> list[float]:
        """Wall time less the forward of the same call."""
        return [wall - ms for wall, ms in zip(self.walls, self.forwards, strict=True)]


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
        bodies = [path.read_bytes() for path in write_frames(Path(folder), TURN)]
        line = HTTPConnection(loupe.http.base_url.host, loupe.http.base_url.port)
        headers = {
            "Authorization": loupe.http.headers["Authorization"],
            "Content-Type": "image/jpeg",
        }
        address = f"/api/v1/defect_detection/inspect?project={loupe.project}"

        def call(body: bytes) -> tuple[float, dict[str, Any]]:
            start = time.perf_counter()
            line.request("POST", address, body, headers)
            answer = line.getresponse()
            text = answer.read()
            wall = (time.perf_counter() - start) * 1e3
            if answer.status != 200:
                raise RuntimeError(f"{address} answered {answer.status}: {text[:500]!r}")
            return wall, json.loads(text)

        def fresh() -> None:
            line.close()  # the server closes a connection that was idle for long
            call(bodies[0])

        found = _measured(call, fresh, bodies, options.calls)
        line.close()
    _show(found)
    return int(any(np.percentile(found.added, share) > ms for share, ms in LIMITS_MS.items()))


def _measured(
    call: Callable[[bytes], tuple[float, dict[str, Any]]],
    fresh: Callable[[], None],
    bodies: list[bytes],
    calls: int,
) -> Measured:
    """At least `calls` calls in whole turns, after one that warms up; each on a fresh line."""
    plain = _plain_forward(bodies[0])
    found = Measured()
    for turn in range(1 + -(-calls // TURN)):
        fresh()
        answers = [call(body) for body in bodies]
        forwards = [plain() for _ in range(TURN)]
        if turn == 0:
            continue
        found.walls += [wall for wall, _ in answers]
        found.stages += [answer["times_ms"] for _, answer in answers]
        found.forwards += [answer["times_ms"]["infer"] for _, answer in answers]
        found.plain += forwards
        found.over_plain += [wall - float(np.median(forwards)) for wall, _ in answers]
    return found


def _plain_forward(body: bytes) -> Callable[[], float]:
    """Runs the shipped network, the one that answers, on a normalised picture: milliseconds."""
    manifest = json.loads((ARTEFACT / "manifest.json").read_text())
    runtime = open_runtime(ARTEFACT, manifest)
    picture, _, _ = pixels(memoryview(body), MAX_PIXELS)
    square, _ = letterbox(picture, DetectorModel.from_manifest(manifest).size)
    tensor = as_input(square).copy()

    def forward() -> float:
        start = time.perf_counter()
        runtime.forward(tensor)
        return (time.perf_counter() - start) * 1e3

    return forward


def _show(found: Measured) -> None:
    print(f"{len(found.walls)} calls of one 640² JPEG, one at a time, milliseconds\n")
    print(f"{'':48}{'p50':>8}{'p99':>8}")
    rows = (
        ("wall, client to client", found.walls),
        ("forward in the engine, with colour and scaling", found.forwards),
        ("added by the platform", found.added),
        ("forward of the plain network", found.plain),
        ("added over the plain network's forward", found.over_plain),
    )
    for name, values in rows:
        print(f"{name:48}{np.percentile(values, 50):8.1f}{np.percentile(values, 99):8.1f}")
        if name == "added by the platform":
            print(f"{'at most':48}{LIMITS_MS[50]:8.1f}{LIMITS_MS[99]:8.1f}\n")
    names = list(dict.fromkeys(name for times in found.stages for name in times))
    medians = {
        name: float(np.median([times.get(name, 0.0) for times in found.stages])) for name in names
    }
    print(
        "\nmedian of each stage: " + ", ".join(f"{name} {ms:.2f}" for name, ms in medians.items())
    )

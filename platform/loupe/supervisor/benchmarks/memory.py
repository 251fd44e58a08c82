"""``manage.py bench memory``: what web and worker hold when idle, and at most over a large image.

An installation of its own is started and has inspected its samples; then it is idle. The first app
with samples then inspects one of them, enlarged, from an upload to the stored result. Where the
image is decoded, in a sandbox below a worker's child, only the peak has a limit.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from loupe.contract.app import DomainApp
from loupe.plugins import registry
from loupe.supervisor.benchmarks.resident import children, descendants, peak, resident
from loupe.supervisor.daemon import Daemon
from loupe.supervisor.demo import samples
from loupe.testing import installation

MIB = 2**20
LIMIT_BYTES = 200 * MIB
DECODED_SHARE = 2.5
SANDBOX = "loupe.sandbox.child"
SETTLE_SECONDS = 3.0
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Sample:
    """A file to inspect; `decoded` is its size in bytes at three bytes a pixel."""

    path: Path
    decoded: int


def main(arguments: list[str]) -> int:
    """Print one JSON line a process; 0 when every limit holds."""
    parser = argparse.ArgumentParser(prog="manage.py bench memory", description=__doc__)
    parser.add_argument("--megapixels", type=float, default=25, help="size of the large sample")
    options = parser.parse_args(arguments)
    app = next((app for app in registry.installed() if samples(app)), None)
    if app is None:
        parser.error("no installed app has samples to inspect.")
    with TemporaryDirectory(prefix="loupe-memory-", dir="/tmp") as folder:
        sample = enlarged(samples(app)[0], Path(folder), options.megapixels)
        with installation.own() as loupe:
            time.sleep(SETTLE_SECONDS)
            idle = {pid: resident(pid) for pid in running(loupe).values()}
            inspect(loupe, app, sample.path)
            lines = [
                judge(name, idle.get(pid), peak(pid), sample.decoded)
                for name, pid in running(loupe).items()
            ]
    for line in lines:
        sys.stdout.write(json.dumps(line) + "\n")
    return int(not all(line["within"] for line in lines))


def enlarged(sample: Path, folder: Path, megapixels: float) -> Sample:
    """`sample` as a JPEG of so many million pixels, written into `folder`."""
    with Image.open(sample) as image:
        scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
        size = (round(image.width * scale), round(image.height * scale))
        path = folder / f"large-{sample.stem}.jpg"
        image.convert("RGB").resize(size).save(path, quality=90)
    return Sample(path=path, decoded=size[0] * size[1] * 3)


def running(loupe: installation.Loupe) -> dict[str, int]:
    """Process numbers by name: web, the worker and its pool, the sandboxes below both.

    Raises:
        RuntimeError: supervisord does not answer.
    """
    told = Daemon(loupe.var).children() if loupe.var is not None else None
    if told is None:
        raise RuntimeError("supervisord does not answer: its processes cannot be measured.")
    top = {child.name: child.pid for child in told}
    below = {
        "worker child": children(top["worker"]),
        "sandbox of worker": descendants(top["worker"], SANDBOX),
        "sandbox of engine": descendants(top["engine"], SANDBOX),
    }
    numbered = {
        f"{name} {number}": pid
        for name, pids in below.items()
        for number, pid in enumerate(pids, 1)
    }
    return {"web": top["web"], "worker": top["worker"], **numbered}


def inspect(loupe: installation.Loupe, app: type[DomainApp], path: Path) -> None:
    """Upload the file and wait until it has its result.

    Raises:
        RuntimeError: it got none.
    """
    with path.open("rb") as body:
        answer = loupe.http.post(
            "/api/v1/submissions",
            params={"project": loupe.project, "app": app.slug, "filename": path.name},
            content=body,
            headers={"Content-Type": "image/jpeg"},
        )
    answer.raise_for_status()
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        job = loupe.http.get(f"/api/v1/jobs/{answer.json()['id']}").json()
        if job["state"] in ("done", "cancelled"):
            break
        time.sleep(0.2)
    if job["state"] != "done" or job["progress"]["failed"]:
        raise RuntimeError(f"The large sample has no result: {json.dumps(job)[:500]}")


def judge(name: str, idle: int | None, highest: int, decoded: int) -> dict[str, object]:
    """The line of one process, sizes in MiB.

    `idle` is None for a process that came later: that is right for a sandbox, which is started
    when it is needed and has no limit when idle, and wrong for every other.
    """
    allowed = LIMIT_BYTES + DECODED_SHARE * decoded
    limited = not name.startswith("sandbox")
    within_idle = not limited or (idle is not None and idle <= LIMIT_BYTES)
    within_peak = highest <= allowed
    return {
        "process": name,
        "idle_mib": None if idle is None else round(idle / MIB, 1),
        "idle_limit_mib": LIMIT_BYTES / MIB if limited else None,
        "within_idle": within_idle,
        "decoded_mib": round(decoded / MIB, 1),
        "peak_mib": round(highest / MIB, 1),
        "peak_limit_mib": round(allowed / MIB, 1),
        "within_peak": within_peak,
        "within": within_idle and within_peak,
    }

"""Frames a second while boxes are drawn on 100 megapixels: ``python -m tests.e2e.drawing_frames``.

Starts an installation of its own, stores one picture of 12,500 × 8,000 pixels in a dataset, opens
the annotation page in Chromium and draws, moves, pans and zooms with the mouse. Prints the frames
that the browser made in that time, the gaps between them, and how much processor time the page's
own thread and all of the browser took for each, beside an empty page: headless Chromium draws on
the CPU, and other work takes frames from it, but adds nothing to the time they cost.
``--profile`` tells where that thread was while zooming.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import psutil
from playwright.sync_api import CDPSession, Page

from tests.e2e.browser import PASSWORD, ROOT, chromium, sign_in, watched
from tests.processes import running_site

SIZE = (12_500, 8_000)
SECONDS = 4.0
BOXES = 200
RECORD = """() => {
    window.frames_ = [];
    const step = (at) => {
        window.frames_.push(at);
        window.recording = requestAnimationFrame(step);
    };
    window.recording = requestAnimationFrame(step);
}"""
STOP = "() => { cancelAnimationFrame(window.recording); return window.frames_; }"
SEED = """
import json, sys, django; django.setup()
from loupe.accounts.models import Role
from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.datasets import services as datasets
from loupe.datasets.models import Record
from loupe.testing import factories
from pathlib import Path
line = factories.project("line-3", "Line 3")
anna = Actor(user=factories.person("anna", line, Role.ADMIN))
about = {"classes": ["scratch", "pit", "stain"]}
dataset = datasets.create(anna, line, "defect_detection", "large", about=about)
blob = blobs.store(Path(sys.argv[1]), "image/jpeg")
record = Record.objects.create(dataset=dataset, blob=blob, name="large.jpg")
width, height, count = map(int, sys.argv[2:])
boxes = [
    {"x1": 60 * i, "y1": 35 * i, "x2": 60 * i + 400, "y2": 35 * i + 300,
     "label": about["classes"][i % 3]}
    for i in range(count)
]
labels = {"width": width, "height": height, "boxes": boxes}
datasets.save_labels(anna, record, labels)
print(f"/p/line-3/datasets/{dataset.pk}/label/{record.pk}/")
"""


@dataclass(frozen=True, kw_only=True)
class Frames:
    """What happened on the screen: frames a second; gaps, and processor time a frame, in
    milliseconds, of the page's thread (`busy`) and of all the browser's processes (`whole`)."""

    what: str
    rate: float
    median_gap: float
    p95_gap: float
    late: float
    busy: float
    whole: float

    def line(self) -> str:
        return (
            f"{self.what:28} {self.rate:5.1f} fps   gap p50 {self.median_gap:5.1f} ms, "
            f"p95 {self.p95_gap:5.1f} ms   later than 25 ms {self.late:5.1%}   "
            f"page {self.busy:4.1f} ms, browser {self.whole:4.1f} ms a frame"
        )


def picture(path: Path) -> None:
    """A surface with structure at every scale, as large as the app takes."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 210, (125, 200, 3), dtype=np.uint8)
    image = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
    grain = rng.integers(0, 12, (SIZE[1], SIZE[0], 1), dtype=np.uint8)
    cv2.imwrite(str(path), cv2.subtract(image, np.repeat(grain, 3, axis=2)))


def busy_s(session: CDPSession) -> float:
    """Seconds the page's thread has worked so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


def browser_s() -> float:
    """Seconds of processor time that this program's browser has taken so far."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "chrom" in process.name():
                times = process.cpu_times()
                spent += times.user + times.system
    return spent


def measured(page: Page, what: str, act: Callable[[float], None]) -> Frames:
    """Do `act` again and again, giving it the time since the start in seconds."""
    session = page.context.new_cdp_session(page)
    # The processor's time, not the clock's: what runs beside the browser does not count.
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.evaluate(RECORD)
    before, spent, start = busy_s(session), browser_s(), time.perf_counter()
    while (now := time.perf_counter() - start) < SECONDS:
        act(now)
        time.sleep(0.004)
    stamps = page.evaluate(STOP)
    after, spent = busy_s(session), browser_s() - spent
    gaps = [later - sooner for sooner, later in pairwise(stamps)]
    return Frames(
        what=what,
        rate=1000 * len(gaps) / (stamps[-1] - stamps[0]),
        median_gap=statistics.median(gaps),
        p95_gap=statistics.quantiles(gaps, n=20)[-1],
        late=sum(gap > 25 for gap in gaps) / len(gaps),
        busy=1000 * (after - before) / len(stamps),
        whole=1000 * spent / len(stamps),
    )


@contextmanager
def profiled(page: Page, *, wanted: bool) -> Iterator[None]:
    """Print where the page's thread was meanwhile; ``(program)`` is the browser's own work."""
    if not wanted:
        yield
        return
    session = page.context.new_cdp_session(page)
    session.send("Profiler.enable")
    session.send("Profiler.start")
    yield
    profile = session.send("Profiler.stop")["profile"]
    frames = {node["id"]: node["callFrame"] for node in profile["nodes"]}
    spent: Counter[str] = Counter()
    for node, microseconds in zip(profile["samples"], profile["timeDeltas"], strict=True):
        frame = frames[node]
        spent[f"{frame['functionName']} {frame['url'].rpartition('/')[2]}"] += microseconds
    for name, microseconds in spent.most_common(12):
        print(f"{microseconds / spent.total():6.1%}  {name}")


def everything(page: Page, address: str) -> list[Frames]:
    """An empty page, then drawing, moving, panning and zooming on the large picture."""
    page.goto("/healthz")
    found = [measured(page, "an empty page", lambda _now: page.mouse.move(400, 300))]
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("#annotate[data-ready]", timeout=120_000)
    print(f"opened with {BOXES} boxes, tiles cut: {time.perf_counter() - start:.1f} s")
    page.wait_for_timeout(1500)
    frame = page.locator(".boxes-surface").bounding_box()
    if frame is None:
        raise RuntimeError("The picture has no place on the page.")
    left, top = frame["x"] + 60, frame["y"] + 60
    wide, high = frame["width"] - 160, frame["height"] - 120

    def sweep(now: float) -> None:
        turn = abs((now * 0.7) % 2 - 1)
        page.mouse.move(left + wide * turn, top + high * turn)

    def zoom(now: float) -> None:
        page.mouse.wheel(0, -60 if (now * 0.5) % 2 < 1 else 60)

    found.append(measured(page, "moving over the picture", sweep))
    page.mouse.move(left, top)
    page.mouse.down()
    found.append(measured(page, "drawing a box", sweep))
    page.mouse.up()
    page.mouse.move(left + wide / 2, top + high / 2)
    with profiled(page, wanted="--profile" in sys.argv):
        found.append(measured(page, "zooming by the wheel", zoom))
    page.keyboard.press("h")
    page.mouse.down()
    found.append(measured(page, "panning", sweep))
    page.mouse.up()
    return found


def main() -> None:
    """Start, seed, measure, stop."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(probes=False, parts=("broker", "engine", "web")) as site,
    ):
        large = Path(folder) / "large.jpg"
        picture(large)
        address = subprocess.run(
            [sys.executable, "-c", SEED, str(large), *map(str, SIZE), str(BOXES)],
            env=site.environment,
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()[-1]
        with chromium() as browser:
            window = watched(browser, site.url)
            sign_in(window.page, "anna", PASSWORD)
            found = everything(window.page, address)
            load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}, Chromium headless, window 1440 × 900")
    for one in found:
        print(one.line())
    slowest = min(found[1:], key=lambda one: one.rate)
    if slowest.rate < 58:
        limit = "the page's script" if slowest.busy > 12 else "drawing on the CPU, not the page"
        print(f"Below 60 while {slowest.what}: what limits is {limit}.")


if __name__ == "__main__":
    main()

"""Seconds until a study can be read: ``python -m tests.e2e.opening_studies``.

Starts an installation of its own, stores one chest of 300 slices of 512 × 512 as DICOM with
findings and masks, and opens its page in Chromium, each time in a new window with nothing kept:
from the click on the worklist to the preview on the screen, in three planes, and to the whole
volume. The first opening also makes the viewer's files from the study's images, which otherwise
happens when a draft is ready; the others find them made. Headless Chromium draws on the CPU. A
volume is on the screen when a pixel has been read back: before it all that was asked for is done.
``--slices`` and ``--times`` ask for less.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass

from playwright.sync_api import Browser

from tests.e2e.browser import PASSWORD, ROOT, chromium, sign_in, watched
from tests.processes import Site, running_site

LIST = "/report_gen/p/ward/worklist/"
GOAL_PREVIEW_S = 1.0
GOAL_FULL_S = 4.0
PATIENCE_MS = 240_000
NOTE = """() => {
    window.shown = {};
    const look = () => {
        const scene = document.getElementById("scene");
        const state = scene?.dataset.state;
        if (state && !(state in window.shown)) {
            window.shown[state] = 0;
            const drawn = () => {
                const gl = document.getElementById("volume").getContext("webgl2");
                gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
                window.shown[state] = performance.now();
            };
            requestAnimationFrame(() => setTimeout(drawn));
        }
    };
    new MutationObserver(look).observe(document, {
        attributes: true, childList: true, subtree: true, attributeFilter: ["data-state"],
    });
}"""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Seconds from the click until the page is answered, and until preview and whole volume have
    been drawn."""

    page: float
    preview: float
    full: float


def opening(browser: Browser, site: Site) -> Opening:
    """Sign in in a new window, click the study on the worklist, wait for all of it."""
    window = watched(browser, site.url)
    try:
        sign_in(window.page, "reader", PASSWORD)
        window.page.goto(LIST)
        window.page.add_init_script(f"({NOTE})()")
        window.page.locator("tbody a[href*='/studies/']").first.click()
        window.page.wait_for_selector("#scene[data-state=full]", timeout=PATIENCE_MS)
        window.page.wait_for_function("window.shown.full > 0", timeout=PATIENCE_MS)
        shown = window.page.evaluate("window.shown")
        answered = window.page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")
    finally:
        window.context.close()
    return Opening(page=answered / 1000, preview=shown["preview"] / 1000, full=shown["full"] / 1000)


def main(arguments: list[str]) -> int:
    """Print one JSON line; 0 when both goals are reached by the median of the later openings."""
    parser = argparse.ArgumentParser(prog="tests.e2e.opening_studies")
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args(arguments)
    with running_site(probes=False, parts=("broker", "engine", "web")) as site:
        subprocess.run(
            [sys.executable, "-m", "tests.e2e.large_study", str(asked.slices)],
            env=site.environment, cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        with chromium() as browser:
            first, *later = [opening(browser, site) for _ in range(1 + asked.times)]
    medians = {
        name: round(statistics.median(getattr(one, name) for one in later), 2)
        for name in ("page", "preview", "full")
    }
    report = {
        "scan": [asked.slices, 512, 512],
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "openings": asked.times,
        "median_s": medians,
        "slowest_s": {name: round(max(getattr(one, name) for one in later), 2) for name in medians},
        "first_makes_the_files_s": {name: round(getattr(first, name), 2) for name in medians},
        "goals_s": {"preview": GOAL_PREVIEW_S, "full": GOAL_FULL_S},
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return int(medians["preview"] > GOAL_PREVIEW_S or medians["full"] > GOAL_FULL_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

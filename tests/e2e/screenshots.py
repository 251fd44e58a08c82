"""Pictures of every main page: ``python -m tests.e2e.screenshots [FOLDER]``.

Starts an installation of its own, fills it, and photographs each page at 1440 × 900 and 390 × 844,
in both themes and both languages. Without FOLDER only the README's pictures are made, as small
WebP files in ``docs/images``.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.e2e.browser import PASSWORD, ROOT, chromium, sign_in, watched
from tests.processes import running_site

PROJECT = "/p/line-3/"
APP = f"{PROJECT}apps/defect_detection/"
OWN = "/defect_detection/p/line-3/"
DESK = "/fraud/p/line-3/"
WARD = "/report_gen/p/ward/worklist/"
SEEDS = (("tests.e2e.seeding", "still"), ("tests.e2e.radiology",))
SIZES = {"wide": (1440, 900), "small": (390, 844)}
SLOW = 90_000  # volumes are drawn in software here
LARGEST = 150_000  # bytes of one picture in docs/images


@dataclass(frozen=True)
class Shot:
    """One page; `link`, or several one after the other, is clicked after it opened; `wait` must be
    there before the picture."""

    name: str
    address: str
    link: str | tuple[str, ...] = ""
    wait: str = "main"


SHOTS = (
    Shot("home", PROJECT),
    Shot("workspace", APP),
    Shot("results", f"{APP}results/"),
    Shot("result", f"{APP}results/?label=crack", "td.name a", "#viewer[data-ready]"),
    Shot(
        "label",
        f"{PROJECT}datasets/",
        ("a[href*='/datasets/']:has-text('rings-2026')", "a[href$='/label/']"),
        "#annotate[data-ready]",
    ),
    Shot("job", f"{PROJECT}jobs/?state=open", "td.name a", "#live"),
    Shot("failures", f"{PROJECT}search?q=cam2.zip", "td.name a", "#live"),
    Shot("jobs", f"{PROJECT}jobs/"),
    Shot("models", f"{PROJECT}models/"),
    Shot("model", f"{PROJECT}models/", "td.name a"),
    Shot("operating-point", f"{PROJECT}models/", ("td.name a", "a[href$='/point/']"), "#curve"),
    Shot("schedules", f"{PROJECT}schedules/"),
    Shot("schedule", f"{PROJECT}schedules/", "td.name a"),
    Shot("webhooks", f"{PROJECT}settings/webhooks/"),
    Shot("keys", f"{PROJECT}settings/keys/"),
    Shot("members", f"{PROJECT}settings/members/"),
    Shot("folders", f"{PROJECT}settings/folders/"),
    Shot("audit", f"{PROJECT}settings/audit/"),
    Shot("parts", f"{OWN}parts/"),
    Shot("part", f"{OWN}parts/?outcome=fail", "td.name a", ".part-views"),
    Shot("quality", f"{OWN}quality/", wait="#chart-days svg"),
    Shot("products", f"{OWN}products/"),
    Shot("product", f"{OWN}products/ring-6204/"),
    Shot("recipe", f"{OWN}products/ring-6204/recipe", wait="#stage polygon"),
    Shot("stations", f"{OWN}stations/"),
    Shot("station", f"{OWN}stations/line-3a/", wait="#drawing image"),
    Shot("alerts", f"{DESK}alerts/"),
    Shot("alert", f"{DESK}alerts/", "td.name a", "#call"),
    Shot("cases", f"{DESK}cases/?state=all"),
    Shot("case", f"{DESK}cases/1/"),
    Shot("entities", f"{DESK}entities/"),
    Shot("entity", f"{DESK}entities/one?type=device&key=phone-7", wait="#graph[data-ready]"),
    Shot("lists", f"{DESK}lists/"),
    Shot("worklist", WARD),
    Shot("study", WARD, "a:has-text('PAT-0019')", "#scene[data-state=full]"),
    Shot("empty-alerts", "/fraud/p/empty/alerts/"),
    Shot("empty-parts", "/defect_detection/p/empty/parts/"),
    Shot("empty-quality", "/defect_detection/p/empty/quality/"),
    Shot("empty-home", "/p/empty/"),
    Shot("empty-results", "/p/empty/apps/defect_detection/results/"),
    Shot("two-step", "/accounts/2fa/"),
)
README = {
    "home", "workspace", "results", "result", "job", "model", "label", "operating-point", "station",
    "quality", "alert", "study",
}  # fmt: skip


def take(page: Page, shot: Shot, target: Path) -> None:
    """Open the page and photograph the window."""
    page.goto(shot.address)
    for link in (shot.link,) if isinstance(shot.link, str) else shot.link:
        if link:
            page.locator(link).first.click()
    page.wait_for_selector(shot.wait, timeout=SLOW)
    page.wait_for_load_state("load")
    page.wait_for_timeout(400)
    page.screenshot(path=target)


def everything(browser: Browser, url: str, folder: Path) -> None:
    """Every page in every shape."""
    for size, (width, height) in SIZES.items():
        for theme in ("light", "dark"):
            for language in ("en", "zh"):
                window = watched(
                    browser, url, width=width, height=height, theme=theme, language=language
                )
                window.page.goto("/accounts/login/")
                window.page.screenshot(path=folder / f"sign-in-{size}-{theme}-{language}.png")
                sign_in(window.page, "anna", PASSWORD)
                for shot in SHOTS:
                    name = f"{shot.name}-{size}-{theme}-{language}.png"
                    take(window.page, shot, folder / name)
                for complaint in window.complaints:
                    print(complaint)
                window.context.close()


def for_the_readme(browser: Browser, url: str) -> None:
    """The README's pictures, small enough to keep in the tree."""
    images = ROOT / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    window = watched(browser, url, width=1280, height=800)
    sign_in(window.page, "anna", PASSWORD)
    with tempfile.TemporaryDirectory() as folder:
        for shot in SHOTS:
            if shot.name not in README:
                continue
            taken = Path(folder) / f"{shot.name}.png"
            take(window.page, shot, taken)
            target = images / f"{shot.name}.webp"
            Image.open(taken).convert("RGB").save(target, quality=82, method=6)
            if target.stat().st_size > LARGEST:
                raise RuntimeError(f"{target} has {target.stat().st_size} bytes: over {LARGEST}.")
    window.context.close()


def main(arguments: list[str]) -> None:
    """Start, fill, photograph, stop."""
    with running_site(probes=False, parts=("broker", "engine", "web")) as site:
        for module in SEEDS:
            subprocess.run(
                [sys.executable, "-m", *module], env=site.environment, cwd=ROOT, check=True
            )
        with chromium() as browser:
            if arguments:
                folder = Path(arguments[0])
                folder.mkdir(parents=True, exist_ok=True)
                everything(browser, site.url, folder)
            else:
                for_the_readme(browser, site.url)


if __name__ == "__main__":
    main(sys.argv[1:])

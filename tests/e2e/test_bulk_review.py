"""One verb about everything a filter matches, in a browser: a worker says it, the page shows how
far it is, and a person stops it and takes it back."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visit
from tests.processes import Site

pytestmark = [pytest.mark.e2e, pytest.mark.serial]

FAILING, DOUBTFUL = 6000, 60
RESULTS = "/p/sorting/apps/defect_detection/results/"
SEED = f"""
import cv2, django, numpy, pathlib, tempfile; django.setup()
from loupe.accounts.models import Project, Role
from loupe.blobs import services as blobs
from loupe.testing import factories
if not Project.objects.filter(slug="sorting").exists():
    line = factories.project("sorting", "Sorting")
    factories.person("sorter", line, Role.REVIEWER)
    place = pathlib.Path(tempfile.mkdtemp(), "plate.jpg")
    cv2.imwrite(str(place), numpy.full((480, 640, 3), 90, numpy.uint8))
    blob = blobs.store(place, "image/jpeg")
    image = {{"width": 640, "height": 480, "channels": 3, "bits": 8}}
    def made(name, score):
        box = {{"x1": 10, "y1": 10, "x2": 60, "y2": 50, "label": "pit", "score": score}}
        boxes = [{{**box, "severity": "major"}}] if score else []
        return factories.Made(name=name, data={{"image": image, "boxes": boxes}}, blob=blob)
    of = [made(f"bad-{{n}}.png", 0.95) for n in range({FAILING})]
    of += [made(f"doubt-{{n}}.png", 0.3) for n in range({DOUBTFUL})]
    of += [made(f"good-{{n}}.png", 0) for n in range(40)]
    factories.job(line, "defect_detection", of)
print("made")
"""
COUNTS = """
import django, json; django.setup()
from django.db.models import Count
from loupe.jobs.models import Result
from loupe.review.models import Review
rows = Result.objects.filter(project__slug="sorting")
reviews = Review.objects.filter(result__project__slug="sorting")
print(json.dumps({
    "outcomes": dict(rows.values_list("outcome").annotate(n=Count("pk"))),
    "reviewed": dict(reviews.values_list("result__outcome").annotate(n=Count("pk"))),
}))
"""


@pytest.fixture
def sorter(shop: Site, visit: Visit) -> Page:
    """A reviewer before a list of six thousand failures, sixty doubts and forty passes."""
    shop.python(SEED)
    return visit("sorter").page


def counted(shop: Site) -> dict[str, dict[str, int]]:
    """Results and reviews by outcome, as they are stored."""
    found: dict[str, dict[str, int]] = json.loads(shop.python(COUNTS))
    return found


def say_about_all(page: Page, outcome: str, count: str) -> None:
    """Choose everything that the filter matches by one key, and confirm it."""
    page.goto(f"{RESULTS}?outcome={outcome}&reviewed=no")
    page.keyboard.press("A")
    expect(page.locator("#bulk-count")).to_contain_text(f"All {count} matching")
    page.locator("#bulk").get_by_role("button", name="Confirm").click()
    page.wait_for_selector("#bulk-live")


def test_a_worker_goes_through_the_filter_and_is_stopped_and_taken_back(
    shop: Site, sorter: Page
) -> None:
    before = counted(shop)
    assert before["outcomes"]["fail"] == FAILING
    say_about_all(sorter, "fail", f"{FAILING:,}")
    bar = sorter.locator("#bulk-live progress")
    expect(bar).to_have_attribute("max", str(FAILING))
    expect(bar).not_to_have_attribute("value", "0")
    sorter.locator("#bulk-live").get_by_role("button", name="Cancel").click()
    expect(sorter.locator("#bulk-live[data-state=cancelled]")).to_be_visible()
    expect(sorter.locator("#bulk-live")).to_contain_text("what was said until then stands")
    said = counted(shop)["reviewed"]
    assert set(said) == {"fail"}
    assert 0 < said["fail"] < FAILING
    sorter.keyboard.press("u")
    expect(sorter.locator("#bulk-live[data-state=undone]")).to_be_visible(timeout=120_000)
    expect(sorter.locator("#bulk-live")).to_contain_text("taken back")
    sorter.goto(f"{RESULTS}?outcome=fail&reviewed=no")
    sorter.keyboard.press("A")
    expect(sorter.locator("#bulk-count")).to_contain_text(f"All {FAILING:,} matching")


def test_a_small_filter_is_done_to_its_end_and_nothing_beside_it_is_touched(
    shop: Site, sorter: Page
) -> None:
    outcomes = counted(shop)["outcomes"]
    assert outcomes["review"] == DOUBTFUL
    say_about_all(sorter, "review", str(DOUBTFUL))
    done = sorter.locator("#bulk-live[data-state=done]")
    expect(done).to_be_visible()
    expect(done).to_contain_text(f"{DOUBTFUL} results")
    assert counted(shop)["reviewed"].get("review") == DOUBTFUL
    assert "pass" not in counted(shop)["reviewed"]
    sorter.goto(f"{RESULTS}?outcome=review&reviewed=no")
    expect(sorter.locator("td.name a")).to_have_count(0)

"""From a dataset version to the model that decides, in two people's browsers."""

import pytest
from playwright.sync_api import Browser, expect

from loupe.testing.factories import PASSWORD
from tests.e2e.browser import Watched, sign_in, watched
from tests.processes import Site

pytestmark = [pytest.mark.e2e, pytest.mark.serial]

STEPS = 40  # of 0.4 s: it has to be at work still when its page is loaded for the second time
PEOPLE = """
import django, json; django.setup()
from loupe.accounts.models import Project, Role
from loupe.blobs import services as blobs
from loupe.datasets import manifest
from loupe.testing import factories, trainings
project = factories.project("strict", "Strict line")
project.second_person = True
project.save()
for name in ("asker", "granter"):
    factories.person(name, project, Role.ENGINEER)
lines = []
for value in range(1, 21):
    blob = blobs.store_bytes(json.dumps({"value": value}).encode(), "application/json")
    lines.append(manifest.Line(name=f"{value}.json", sha256=blob.sha256, size=blob.size,
        media_type=blob.media_type, group="", split="val" if value % 4 == 0 else "train",
        labels={"schema_version": 1, "scaled": 3.0 * value, "size": "any"}, revision=1))
print(trainings.dataset_version(project, "dummy_app", "lot-7", lines=lines).dataset_id)
"""


def visitor(browser: Browser, site: Site, name: str) -> Watched:
    found = watched(browser, site.url)
    sign_in(found.page, name, PASSWORD)
    return found


def test_a_training_is_followed_live_and_its_version_goes_into_production_by_two_people(
    site: Site, browser: Browser
) -> None:
    dataset = site.python(PEOPLE)
    asker, granter = (visitor(browser, site, name) for name in ("asker", "granter"))
    page = asker.page
    page.goto(f"/p/strict/trainings/new/dummy_app?dataset={dataset}")
    page.get_by_label("Start from").select_option(label="From scratch")
    page.get_by_label("Steps").fill(str(STEPS))
    page.get_by_text("More of the recipe").click()
    page.get_by_label("Seconds per step").fill("0.4")
    page.get_by_role("button", name="Start training").click()

    expect(page.locator(".chart").first.locator("canvas")).to_be_visible()
    latest = page.locator(".chart").first.locator("[data-latest]")
    expect(latest).to_contain_text("Epoch")
    early = latest.text_content()
    expect(page.locator("#live")).to_have_attribute("data-state", "running")
    page.reload()
    expect(latest).not_to_have_text(early or "")
    expect(page.locator("#live")).to_have_attribute("data-state", "done", timeout=120_000)
    expect(latest).to_contain_text(f"Epoch {STEPS}")
    page.get_by_text("As a table").click()
    expect(page.locator("#figures tbody tr")).to_have_count(STEPS)

    page.get_by_role("link", name="Look at lot-7 v1").click()
    expect(page.get_by_role("heading", name="Worst mistakes")).to_be_visible()
    expect(page.locator(".gate .holds")).to_have_count(3)
    page.locator("section[aria-labelledby=better]").get_by_role("button", name="Ask").click()
    page.locator("dialog[open]").get_by_label("Why").fill("It triples what it reads.")
    page.locator("dialog[open]").get_by_role("button", name="Ask for promotion").click()
    expect(page.get_by_role("button", name="Take it back")).to_be_visible()

    other = granter.page
    other.goto(page.url)
    other.get_by_role("button", name="Agree", exact=True).click()
    other.locator("dialog[open]").get_by_label("Comment").fill("Looked at the worst one.")
    other.locator("dialog[open]").get_by_role("button", name="Agree and promote").click()
    expect(other.locator(".events")).to_contain_text("granter put lot-7 v1 into production")
    expect(other.locator(".events")).to_contain_text("asked by asker")
    for one in (asker, granter):
        one.context.close()
        assert one.complaints == []
        assert one.hosts - {""} <= {site.url.removeprefix("http://")}

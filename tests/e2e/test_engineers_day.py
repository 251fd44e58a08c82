"""The engineer's day: from photographs to the model that decides, and back by what people correct.

Nothing that the day makes is seeded: an empty project with three people is all there is. The pages,
the processes and the network are the real ones.
"""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import FilePayload, Page, expect

from apps.defect_detection.training import surfaces
from apps.defect_detection.training.surfaces import Picture
from tests.e2e.conftest import Visit
from tests.host.api.server import http, new_key
from tests.processes import Site

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(1200)]

CLASSES = ("crack", "missing_material")
SIZE = 192  # pixels, both sides
SEEN = 128  # of them by the network, so that two cores train in half a minute
LOTS, IN_A_LOT = 12, 4
EDGES = ("x1", "y1", "x2", "y2")
BY_MOUSE = 4  # the pictures that are labelled on the annotation page; the others bring labels
MISSING = re.compile(r"\d+ more labelled parts with such defects are missing for a certificate")
OWN = "/defect_detection/p/day/"
PEOPLE = """
import django; django.setup()
from loupe.accounts.models import Role
from loupe.testing import factories
project = factories.project("day", "Bracket line")
project.second_person = True
project.save()
for name, role in (("erik", Role.ENGINEER), ("greta", Role.ENGINEER), ("rosa", Role.REVIEWER)):
    factories.person(name, project, role)
print("made")
"""


def photographs() -> dict[str, Picture]:
    """Brushed metal of twelve lots; in each two cracks, a chip and a good part."""
    found = {}
    for number in range(LOTS * IN_A_LOT):
        kind = (CLASSES[0], CLASSES[1], CLASSES[0], None)[number % IN_A_LOT]
        for seed in range(100 * number, 100 * number + 100):
            picture = surfaces.draw(seed, SIZE, texture="brushed", defects=(kind,) if kind else ())
            if kind is None or any(one.y2 - one.y1 > SIZE / 10 for one in picture.labels):
                break
        found[f"L{1100 + number // IN_A_LOT}_{number:03d}.jpg"] = picture
    return found


def jpeg(picture: Picture) -> bytes:
    done, encoded = cv2.imencode(".jpg", picture.image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done
    return encoded.tobytes()


def yolo_zip(pictures: dict[str, Picture], file: Path) -> Path:
    """As labelling tools write it; a good part has an empty label file."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.yaml", f"path: .\nnames: {[*CLASSES]}\n")
        for name, picture in pictures.items():
            archive.writestr(f"images/{name}", jpeg(picture))
            rows = (
                f"{CLASSES.index(one.name)} {(one.x1 + one.x2) / 2 / SIZE:.6f} "
                f"{(one.y1 + one.y2) / 2 / SIZE:.6f} {(one.x2 - one.x1) / SIZE:.6f} "
                f"{(one.y2 - one.y1) / SIZE:.6f}"
                for one in picture.labels
            )
            archive.writestr(f"labels/{Path(name).stem}.txt", "\n".join(rows))
    return file


def named(pictures: dict[str, Picture], names: Sequence[str]) -> dict[str, Picture]:
    return {name: pictures[name] for name in names}


def make_dataset(page: Page) -> None:
    page.goto("/p/day/datasets/")
    page.get_by_role("link", name="New dataset").first.click()
    page.get_by_label("Name", exact=True).fill("brackets")
    for row, name in enumerate(CLASSES):
        page.locator("input[name=class]").nth(row).fill(name)
    page.get_by_role("button", name="Make the dataset").click()
    page.wait_for_url("**/add/")


def bring(page: Page, files: Sequence[FilePayload] | Path, records: int) -> None:
    """Choose files, say that lots stand before the mark, and wait for the import's end."""
    page.set_input_files("#files", files)
    page.get_by_label("Lot, board or part").select_option("before")
    page.get_by_label("How many, or the mark").fill("_")
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url("**/imports/**")
    expect(page.locator("#live")).to_have_attribute("data-state", "done", timeout=120_000)
    expect(page.get_by_text("No problems.")).to_be_visible()
    expect(page.locator("#live dl div").first).to_contain_text(str(records))


def corners(page: Page) -> list[float]:
    """Left, top, right and bottom of the box that is chosen, in pixels of the picture."""
    exact = page.locator("[data-part=boxes] > li [data-part=exact]:not([hidden])")
    return [float(exact.locator(f"[data-field={one}]").input_value()) for one in EDGES]


def drag(page: Page, x1: float, y1: float, x2: float, y2: float) -> None:
    page.mouse.move(x1, y1)
    page.mouse.down()
    page.mouse.move(x2, y2, steps=4)
    page.mouse.up()


class Hand:
    """Draws boxes with the mouse where the picture shows something."""

    def __init__(self, page: Page) -> None:
        """Learn by one box, taken back at once, how the picture lies on the page."""
        self.page = page
        frame = page.locator(".boxes-surface").bounding_box()
        assert frame is not None
        x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
        drag(page, x - 90, y - 80, x + 90, y + 80)
        left, top, right, _bottom = corners(page)
        page.keyboard.press("Control+z")
        self.scale = 180 / (right - left)
        self.x, self.y = x - 90 - left * self.scale, y - 80 - top * self.scale

    def draw(self, x1: float, y1: float, x2: float, y2: float) -> None:
        xs, ys = (
            [at + self.scale * one for one in (a, b)]
            for at, a, b in ((self.x, x1, x2), (self.y, y1, y2))
        )
        drag(self.page, xs[0], ys[0], xs[1], ys[1])


def label(page: Page, pictures: dict[str, Picture]) -> None:
    """Draw what each picture shows, its class by number key; Enter goes on to the next."""
    page.get_by_role("link", name="Label", exact=True).click()
    page.wait_for_selector("#annotate[data-ready]")
    hand = Hand(page)
    for done in range(len(pictures)):
        shown = pictures[str(page.locator("[data-show=name]").text_content())]
        at = page.locator("#annotate").get_attribute("data-ready") or ""
        for one in shown.labels:
            hand.draw(one.x1, one.y1, one.x2, one.y2)
            page.keyboard.press(str(CLASSES.index(one.name) + 1))
            assert corners(page) == pytest.approx([one.x1, one.y1, one.x2, one.y2], abs=1.5)
            row = page.locator("[data-part=boxes] > li", has=page.locator("[aria-pressed=true]"))
            expect(row).to_contain_text(one.name)
        page.keyboard.press("Enter")
        if done + 1 < len(pictures):
            expect(page.locator("#annotate")).not_to_have_attribute("data-ready", at)


def first_version(page: Page) -> None:
    """Corrections shall come here; what is labelled is frozen."""
    page.get_by_role("link", name="Settings", exact=True).last.click()
    take = page.get_by_role("button", name="Take corrections here")
    if take.count():
        take.click()
    expect(page.get_by_text("What people correct in review comes here.").last).to_be_visible()
    page.get_by_role("link", name="Make a version").click()
    page.get_by_label("Training, %").fill("60")
    page.get_by_label("Validation, %").fill("20")
    page.get_by_label("Test, %").fill("20")
    page.get_by_role("main").get_by_role("button", name="Make a version").click()
    page.wait_for_url("**/versions/")
    expect(page.locator("#v1")).to_be_visible()


def train(page: Page) -> None:
    """A tiny recipe on the CPU, followed live."""
    page.get_by_role("link", name="Train on it").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("brackets")
    page.get_by_label("Epochs").fill("4")
    page.get_by_text("More of the recipe").click()
    page.get_by_label("Image size").fill(str(SEEN))
    page.get_by_label("Device").fill("cpu")
    page.get_by_role("button", name="Start training").click()
    latest = page.locator(".chart").first.locator("[data-latest]")
    expect(latest).to_contain_text("Epoch", timeout=180_000)
    expect(page.locator("#live")).to_have_attribute("data-state", "done", timeout=300_000)
    page.get_by_role("link", name="Look at brackets v1").click()
    expect(page.get_by_role("heading", name="Worst mistakes")).to_be_visible()


def choose_a_point(page: Page) -> None:
    """So few samples certify nothing, and the page says how many are missing; then by hand."""
    page.get_by_role("link", name="Curve, limits and change").click()
    page.get_by_label("Escape at most", exact=True).fill("1")
    page.get_by_role("button", name="Find the point").click()
    proposal = page.locator(".proposal")
    expect(proposal).to_contain_text("not certified")
    expect(proposal).to_contain_text(MISSING)
    page.get_by_text("By hand", exact=True).click()
    page.get_by_label("Fail from").fill("0.25")
    page.get_by_label("Ask a person from").fill("0.1")
    page.get_by_role("button", name="Look at it").click()
    expect(proposal).to_contain_text("it carries no certificate")
    page.get_by_label("Why").fill("Until there are enough samples")
    page.get_by_role("button", name="Let it decide").click()
    expect(page.get_by_text("decides from now on")).to_be_visible()
    page.get_by_role("link", name="brackets v1").click()


def ask(page: Page) -> None:
    """The project demands a second person: whoever asks cannot agree."""
    page.locator("section[aria-labelledby=better]").get_by_role("button", name="Ask").click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Why").fill("It finds cracks and chips of our brackets")
    dialog.get_by_role("button", name="Ask for promotion").click()
    expect(page.get_by_text("You asked for it, so somebody else has to agree.")).to_be_visible()
    expect(page.get_by_role("button", name="Agree")).to_have_count(0)
    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    address = page.locator("form[action$='/answer/withdraw']").get_attribute("action")
    page.request.post(
        str(address).replace("withdraw", "approve"), form={"csrfmiddlewaretoken": token}
    )
    page.reload()
    expect(page.locator(".badge-state").first).to_have_text("Candidate")


def agree(page: Page) -> None:
    page.goto("/p/day/")
    expect(page.get_by_text("brackets v1 waits for a second person")).to_be_visible()
    page.get_by_role("link", name="Look at its figures").click()
    page.get_by_role("button", name="Agree", exact=True).click()
    page.locator("dialog[open]").get_by_role("button", name="Agree and promote").click()
    expect(page.locator(".events")).to_contain_text("greta put brackets v1 into production")
    expect(page.locator(".events")).to_contain_text("asked by erik")


def inspect_with_it(page: Page) -> None:
    """A product whose recipe names the model, and the station where it runs."""
    page.goto("/p/day/apps/defect_detection/")
    page.get_by_role("link", name="Products").click()
    page.get_by_label("Name", exact=True).fill("Bracket 7")
    page.get_by_label("Key", exact=True).fill("bracket-7")
    page.get_by_role("button", name="Make", exact=True).click()
    page.get_by_label("Model", exact=True).select_option("brackets")
    page.get_by_role("button", name="Save the recipe").click()
    expect(page.locator("tr[data-current]")).to_contain_text("brackets v1")
    page.goto("/p/day/apps/defect_detection/")
    page.get_by_role("link", name="Stations").click()
    page.get_by_label("Name", exact=True).fill("Press 2")
    page.get_by_label("Key", exact=True).fill("press-2")
    page.get_by_role("button", name="Make", exact=True).click()
    page.get_by_label("Product").select_option("bracket-7")
    page.get_by_label("Lot").fill("L1200")
    page.get_by_role("button", name="Runs now").click()
    expect(page.get_by_label("Lot")).to_have_value("L1200")


def pass_by(shop: Site, page: Page, part: Picture) -> None:
    """A camera sends a part; the screen beside the line says in a word what it is."""
    page.goto(f"{OWN}stations/press-2/")
    expect(page.locator("#station")).to_have_attribute("data-outcome", "none")
    with http(shop, new_key(shop, "day")) as client:
        answer = client.post(
            "/api/v1/defect_detection/inspect?deadline_ms=30000",
            data={"station": "press-2", "serial": "B-0001"},
            files={"file": ("B-0001.jpg", jpeg(part), "image/jpeg")},
        )
    assert answer.status_code == 200, answer.text
    said = answer.json()
    expect(page.locator("#serial")).to_contain_text("B-0001")
    expect(page.locator("#station")).to_have_attribute("data-outcome", said["outcome"])
    word = page.locator("#word")
    expect(word).to_have_text({"pass": "Pass", "fail": "Fail", "review": "Look"}[said["outcome"]])
    expect(page.locator('[data-count="parts"]')).to_have_text("1")


def correct(page: Page) -> None:
    """The reviewer draws what the model did not see; it is in the dataset with who and when."""
    page.goto("/p/day/apps/defect_detection/results/")
    page.locator("td.name a").first.click()
    page.wait_for_selector("#viewer[data-ready]")
    expect(page.locator(".item-by")).to_contain_text("brackets v1")
    here = page.url
    page.keyboard.press("e")
    page.wait_for_selector(".boxes-surface")
    rows = page.locator("#correct [data-part=boxes] > li")
    found = rows.count()
    frame = page.locator(".boxes-surface").bounding_box()
    assert frame is not None
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    drag(page, x - 60, y + 10, x + 60, y + 70)
    page.keyboard.press("1")
    expect(rows).to_have_count(found + 1)
    expect(rows.last).to_contain_text("crack")
    page.locator("#correct-done").click()
    expect(page.locator("#corrected")).to_be_visible()
    page.get_by_label("Note").fill("A crack below the chip")
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    page.wait_for_selector(".notice")
    page.goto(here)
    page.locator(".history a").click()
    page.wait_for_selector("#annotate[data-ready]")
    expect(page.locator("[data-part=boxes] > li")).to_have_count(found + 1)
    expect(page.locator("#changes")).to_contain_text("Corrected in review")
    expect(page.locator("#changes li")).to_have_text(
        re.compile(r"rosa .* \d{4}-\d\d-\d\d \d\d:\d\d")
    )


def second_version(page: Page) -> None:
    """The next version differs from the first by that correction and by nothing else."""
    page.goto("/p/day/datasets/")
    page.get_by_role("link", name="brackets").click()
    page.get_by_role("link", name="Make a version").click()
    expect(page.get_by_label("Training, %")).to_have_value("60")
    page.get_by_role("main").get_by_role("button", name="Make a version").click()
    page.get_by_role("button", name="Show what changed").click()
    figures = page.locator("dl.figures div")
    words, counts = (figures.locator(part).all_inner_texts() for part in ("dt", "dd"))
    shown = dict(zip(words, counts, strict=True))
    assert shown == {
        "added": "1",
        "removed": "0",
        "relabelled": "0",
        "moved between splits": "0",
        "unchanged": str(LOTS * IN_A_LOT),
    }
    entry = page.locator("tbody tr")
    expect(entry).to_have_count(1)
    expect(entry).to_contain_text("B-0001.jpg")


def test_an_engineers_day(shop: Site, visit: Visit, tmp_path: Path) -> None:
    shop.python(PEOPLE)
    pictures = photographs()
    names = list(pictures)
    page = visit("erik").page
    make_dataset(page)
    first = named(pictures, names[:BY_MOUSE])
    files: list[FilePayload] = [
        {"name": name, "mimeType": "image/jpeg", "buffer": jpeg(one)} for name, one in first.items()
    ]
    bring(page, files, BY_MOUSE)
    label(page, first)
    page.get_by_role("link", name="Back to the dataset").click()
    page.get_by_role("link", name="Add files").first.click()
    bring(
        page,
        yolo_zip(named(pictures, names[BY_MOUSE:]), tmp_path / "lots.zip"),
        len(names) - BY_MOUSE,
    )
    first_version(page)
    train(page)

    choose_a_point(page)
    ask(page)
    agree(visit("greta").page)
    inspect_with_it(page)
    station = visit("rosa").page
    part = surfaces.draw(990_004, SIZE, texture="brushed", defects=("missing_material",))
    pass_by(shop, station, part)
    correct(station)
    second_version(page)

"""What a business system gets over HTTP from a running installation: COCO and annotated PNG."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from loupe.client import Loupe
from tests.apps.defect_detection.pictures import SAMPLES
from tests.host.api.server import http, new_key
from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]

APP = "defect_detection"
BAD, GOOD = SAMPLES / "brushed-scratch.jpg", SAMPLES / "ground-good.jpg"


@pytest.fixture(scope="module")
def key(site: Site) -> str:
    return new_key(site, "surfaces")


@pytest.fixture(scope="module")
def results(site: Site, key: str) -> dict[str, Any]:
    """Results by file name, of one job over a bad and a good picture, sent as one form."""
    with http(site, key) as client, BAD.open("rb") as bad, GOOD.open("rb") as good:
        files = [("file", (BAD.name, bad)), ("file", (GOOD.name, good))]
        answer = client.post("/api/v1/submissions", data={"app": APP}, files=files)
        assert answer.status_code == 202, answer.text
    with Loupe(site.url, key) as loupe:
        job = loupe.job(answer.json()["id"])
        job.wait(timeout_s=300, check=True)
        return {each.name: each for each in job.results()}


def boxes(result: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result.data["boxes"]
    return found


def test_a_scratch_is_found_and_a_good_part_passes(results: dict[str, Any]) -> None:
    assert set(results) == {BAD.name, GOOD.name}
    assert results[BAD.name].outcome != "pass"
    assert "scratch" in {box["label"] for box in boxes(results[BAD.name])}
    assert results[GOOD.name].outcome == "pass"


def test_coco_of_a_job_holds_every_box_of_its_results(
    site: Site, key: str, results: dict[str, Any], tmp_path: Path
) -> None:
    target = tmp_path / "coco.json"
    with Loupe(site.url, key) as loupe:
        loupe.export(APP, "coco", target, job=str(results[BAD.name].job))
    document = json.loads(target.read_text())
    assert {image["file_name"] for image in document["images"]} == set(results)
    names = {each["id"]: each["name"] for each in document["categories"]}
    for name, result in results.items():
        image = next(each for each in document["images"] if each["file_name"] == name)
        with Image.open(SAMPLES / name) as picture:
            assert (image["width"], image["height"]) == picture.size
        told = [
            (names[each["category_id"]], [round(value, 2) for value in each["bbox"]])
            for each in document["annotations"]
            if each["image_id"] == image["id"]
        ]
        corners = [
            (
                box["label"],
                [
                    round(value, 2)
                    for value in (
                        box["x1"],
                        box["y1"],
                        box["x2"] - box["x1"],
                        box["y2"] - box["y1"],
                    )
                ],
            )
            for box in boxes(result)
        ]
        assert sorted(told) == sorted(corners)


def test_annotated_png_is_the_picture_with_the_boxes_drawn_in(
    site: Site, key: str, results: dict[str, Any]
) -> None:
    result = results[BAD.name]
    with http(site, key) as client:
        answer = client.get(f"/api/v1/results/{result.id}?format=png")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    with Image.open(io.BytesIO(answer.content)) as drawn, Image.open(BAD) as source:
        assert drawn.format == "PNG"
        plain = ImageOps.exif_transpose(source).convert("RGB")
        assert drawn.size == plain.size
        changed = np.abs(
            np.asarray(drawn.convert("RGB"), dtype=int) - np.asarray(plain, dtype=int)
        ).max(axis=2)
    box = max(boxes(result), key=lambda each: each["score"])
    top, left = round(box["y1"]), round(box["x1"])
    edge = changed[max(top - 4, 0) : top + 5, left : round(box["x2"])]
    assert (edge.max(axis=0) > 40).mean() > 0.9
    # What lies far from every box and its caption is as it was, but for the JPEG decoder.
    assert np.median(changed) <= 2


def test_a_picture_of_many_results_is_refused(
    site: Site, key: str, results: dict[str, Any]
) -> None:
    with http(site, key) as client:
        answer = client.get(f"/api/v1/results?app={APP}&format=png")
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_format")

"""Regions and masks decide: areas agree with a counted grid, and finds they leave out pass."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from apps.defect_detection import polygons
from apps.defect_detection.decide import decide
from apps.defect_detection.picture import Area, PictureRules
from apps.defect_detection.schema import Box, DetectionResult, ImageFacts, OperatingPoint

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def result(x1: float, y1: float, x2: float, y2: float, **more: str) -> DetectionResult:
    image = ImageFacts(width=100, height=200, channels=3, bits=8)
    box = Box(x1=x1, y1=y1, x2=x2, y2=y2, label="scratch", score=0.9)
    return DetectionResult(image=image, boxes=(box,), **more)  # type: ignore[arg-type]


def outcome(found: DetectionResult, **rules: object) -> str:
    return decide(found, OperatingPoint(picture=PictureRules(**rules))).outcome  # type: ignore[arg-type]


def test_a_find_outside_every_region_does_not_count() -> None:
    region = Area(corners=LEFT)
    assert outcome(result(10, 10, 20, 20), regions=(region,)) == "fail"
    assert outcome(result(60, 10, 80, 20), regions=(region,)) == "pass"
    assert outcome(result(45, 10, 60, 20), regions=(region,)) == "fail"  # it reaches in


def test_a_mask_leaves_out_what_it_mostly_covers() -> None:
    mask = Area(corners=LEFT)
    assert outcome(result(10, 10, 20, 20), masks=(mask,)) == "pass"
    assert outcome(result(46, 10, 60, 20), masks=(mask,)) == "fail"
    assert outcome(result(46, 10, 60, 20), masks=(mask,), mask_share=0.25) == "pass"


def test_the_reason_says_that_finds_were_left_out() -> None:
    point = OperatingPoint(picture=PictureRules(masks=(Area(corners=LEFT),)))
    reason = decide(result(10, 10, 20, 20), point).reasons[0]
    assert reason.code == "left_out"
    assert "under a mask" in reason.en


def test_an_area_of_one_view_leaves_the_others_alone() -> None:
    mask = Area(corners=LEFT, view="top")
    rules = {"masks": (mask,), "file_names": "{serial}_{view}"}
    assert outcome(result(10, 10, 20, 20, view="top"), **rules) == "pass"
    assert outcome(result(10, 10, 20, 20, view="bottom"), **rules) == "fail"
    assert outcome(result(10, 10, 20, 20, file="1_top.jpg"), **rules) == "pass"
    assert outcome(result(10, 10, 20, 20, file="1_side.jpg"), **rules) == "fail"


@pytest.mark.parametrize(
    ("corners", "sentence"),
    [
        (((0, 0), (1, 0)), "at least 3"),
        (((0, 0), (1.2, 0), (1, 1)), "lies outside the picture"),
        (((0, 0), (float("nan"), 0), (1, 1)), "lies outside the picture"),
        (((0, 0), (0.5, 0.5), (1, 1)), "enclose nothing"),
    ],
)
def test_a_wrong_area_is_refused(corners: object, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Area(corners=corners)  # type: ignore[arg-type]


share = st.integers(0, 20).map(lambda step: step / 20)


@settings(max_examples=60, deadline=None)
@given(
    corners=st.lists(st.tuples(share, share), min_size=3, max_size=3, unique=True),
    box=st.tuples(share, share, share, share),
)
def test_the_shared_area_of_a_triangle_agrees_with_a_counted_grid(
    corners: list[tuple[float, float]], box: tuple[float, float, float, float]
) -> None:
    x1, x2 = sorted((box[0], box[2]))
    y1, y2 = sorted((box[1], box[3]))
    steps = 120
    hits = 0
    for i in range(steps):
        for j in range(steps):
            x, y = (i + 0.5) / steps, (j + 0.5) / steps
            if x1 <= x <= x2 and y1 <= y <= y2 and _inside(corners, x, y):
                hits += 1
    counted = hits / steps**2
    assert polygons.overlap(corners, (x1, y1, x2, y2)) == pytest.approx(counted, abs=0.03)


def _inside(corners: list[tuple[float, float]], x: float, y: float) -> bool:
    signs = []
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        signs.append((bx - ax) * (y - ay) - (by - ay) * (x - ax))
    return all(sign >= 0 for sign in signs) or all(sign <= 0 for sign in signs)

"""Past results decided anew agree with decisions one by one, whatever came, went or was judged."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.defect_detection.app import App
from apps.defect_detection.operating.boxes import OUTCOMES
from apps.defect_detection.points import rehearsing
from apps.defect_detection.points.rehearsing import by_threshold, gathered, rehearse
from apps.defect_detection.schema import DetectionResult, OperatingPoint
from loupe.accounts.policy import SYSTEM
from loupe.intake.models import Submission
from loupe.jobs.models import Job, Result
from loupe.registry import services as registry
from loupe.testing import factories
from tests.apps.defect_detection.points.conftest import APP, Works, result

POINT = OperatingPoint.model_validate(
    {
        "threshold": 0.7, "review_from": 0.4, "mm_per_pixel": 0.1,
        "classes": {
            "pit": {"severity": "minor", "sizes": [{"from_mm": 4, "severity": "critical"}]},
            "crack": {"threshold": 0.3, "review_from": 0.2},
            "stain": {"min_side": 25},
        },
    }
)  # fmt: skip


def drawn(seed: int, count: int) -> list[dict[str, Any]]:
    """Results of any kind."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        boxes = []
        for _ in range(chance.choice([0, 0, 1, 2, 5])):
            one = result(round(chance.random(), 6), chance.choice(["pit", "crack", "stain"]),
                         chance.choice([5, 24.99, 25, 39, 40, 41, 300]))["boxes"][0]  # fmt: skip
            boxes.append({**one, "severity": chance.choice(["critical", "major", "minor"])})
        found.append({**result(0.5), "boxes": boxes})
    return found


def store(works: Works, data: list[dict[str, Any]], product: str = "", name: str = "Lot") -> Job:
    made = [factories.Made(name=f"{n}.png", data=one) for n, one in enumerate(data)]
    job = factories.job(works.project, APP, made, version=works.version, name=name)
    if product:
        Submission.objects.filter(pk=job.submission_id).update(facts={"product": product})
    return job


def one_by_one(point: OperatingPoint, rows: Any) -> dict[str, int]:
    """What `decide` says about each stored result."""
    counts = dict.fromkeys(OUTCOMES, 0)
    for row in rows:
        counts[App.decide(DetectionResult.model_validate(row.data), point).outcome] += 1
    return counts


def test_many_are_decided_as_one_by_one(works: Works) -> None:
    store(works, drawn(1, 300))
    found = rehearse(SYSTEM, works.project, works.version, POINT)
    assert found.complete
    assert found.results == 300
    assert dict(found.would) == one_by_one(POINT, Result.objects.all())
    assert dict(found.then) == one_by_one(OperatingPoint(), Result.objects.all())
    assert sum(found.moved.values()) > 0


def test_examples_are_the_newest_of_each_move(works: Works) -> None:
    store(works, [result(0.6)] * 9)
    strict = OperatingPoint(threshold=0.9, review_from=0.9)
    found = rehearse(SYSTEM, works.project, works.version, strict)
    newest = Result.objects.order_by("-pk").values_list("pk", flat=True)[:6]
    assert found.examples == {("fail", "pass"): tuple(newest)}


def test_each_call_goes_on_where_the_last_one_stopped(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsing, "CHUNK", 40)
    store(works, drawn(2, 130))
    looked: list[int] = []
    while not looked or looked[-1] < 130:
        found = rehearse(SYSTEM, works.project, works.version, POINT, seconds=0)
        looked.append(found.looked)
    assert looked == [40, 80, 120, 130]
    assert dict(found.would) == one_by_one(POINT, Result.objects.all())
    store(works, drawn(3, 20), name="Lot 2")
    again = rehearse(SYSTEM, works.project, works.version, POINT)
    assert (again.looked, again.total) == (150, 150)
    assert dict(again.would) == one_by_one(POINT, Result.objects.all())


def test_deleted_results_are_forgotten(works: Works) -> None:
    store(works, drawn(4, 60))
    rehearse(SYSTEM, works.project, works.version, POINT)
    gone = Result.objects.order_by("pk")[5:25].values_list("pk", flat=True)
    Result.objects.filter(pk__in=list(gone)).delete()
    found = rehearse(SYSTEM, works.project, works.version, POINT)
    assert found.results == 40
    assert dict(found.would) == one_by_one(POINT, Result.objects.all())


def test_a_damaged_file_is_computed_again(works: Works) -> None:
    store(works, drawn(5, 30))
    rehearse(SYSTEM, works.project, works.version, POINT)
    kept = list(Path(works.folder / "var").rglob("past/**/*.npz"))
    assert len(kept) == 1
    kept[0].write_bytes(b"PK\x03\x04 broken")
    assert rehearse(SYSTEM, works.project, works.version, POINT).results == 30


def test_columns_not_asked_for_in_a_long_time_make_room(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsing, "FILES", 2)
    store(works, drawn(6, 10))
    for product in ("a", "b", "c", "d"):
        rehearse(SYSTEM, works.project, works.version, POINT, product)
    assert len(list((works.folder / "var").rglob("past/**/*.npz"))) == 2


def test_a_product_with_a_point_of_its_own_is_counted_apart(works: Works) -> None:
    store(works, drawn(6, 20), "ring", "A")
    store(works, drawn(7, 30), "bolt", "B")
    store(works, drawn(8, 40), "", "C")
    assert rehearse(SYSTEM, works.project, works.version, POINT).results == 90
    registry.set_operating_point(SYSTEM, works.project, works.version, {}, scope="ring")
    assert rehearse(SYSTEM, works.project, works.version, POINT).results == 70
    assert rehearse(SYSTEM, works.project, works.version, POINT, "ring").results == 20
    assert rehearse(SYSTEM, works.project, works.version, POINT, "bolt").results == 30


def test_other_versions_and_projects_are_not_counted(works: Works) -> None:
    other = factories.model_version(works.project, APP, "others")
    made = [factories.Made(name="a.png", data=result(0.9))]
    factories.job(works.project, APP, made, version=other)
    elsewhere = factories.project("far", "Far away")
    factories.job(elsewhere, APP, made, version=works.version)
    assert rehearse(SYSTEM, works.project, works.version, POINT).results == 0


def test_finds_under_a_mask_do_not_count_in_the_past_either(works: Works) -> None:
    store(works, [result(0.9)] * 4)
    corners = [[0, 0], [0.2, 0], [0.2, 0.2], [0, 0.2]]
    masked = OperatingPoint.model_validate({"picture": {"masks": [{"corners": corners}]}})
    assert rehearse(SYSTEM, works.project, works.version, OperatingPoint()).would["fail"] == 4
    assert rehearse(SYSTEM, works.project, works.version, masked).would["pass"] == 4


def test_what_people_said_is_held_against_it(works: Works) -> None:
    store(works, [result(score) for score in (0.9, 0.6, 0.35, 0.2)])
    ids = list(Result.objects.order_by("pk").values_list("pk", flat=True))
    for pk, said in zip(ids, ("fail", "pass", "fail", "pass"), strict=True):
        Result.objects.filter(pk=pk).update(reviewed=True, outcome=said)
    point = OperatingPoint(threshold=0.5, review_from=0.5)
    judged = rehearse(SYSTEM, works.project, works.version, point).judged
    assert (judged.bad, judged.escapes, judged.good, judged.overkill) == (2, 1, 2, 1)


def test_counts_at_every_threshold_are_those_of_the_point(works: Works) -> None:
    store(works, drawn(9, 200))
    plain = OperatingPoint()
    past, _total = gathered(works.project, works.version, plain, "")
    grid = [0.1, 0.35, 0.5, 0.8, 1.0]
    fails, asked = by_threshold(past, plain, grid)
    for place, at in enumerate(grid):
        would = past.would(OperatingPoint(threshold=at, review_from=at))
        counts = np.bincount(would, minlength=3)
        assert (fails[place], asked[place]) == (counts[2], counts[1])


def test_queries_do_not_grow_with_results(works: Works) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            rehearse(SYSTEM, works.project, works.version, POINT)
        return len(seen)

    store(works, drawn(10, 20))
    first = queries()
    store(works, drawn(11, 400), name="more")
    assert queries() <= first + 1  # one more to see that nothing is behind


def test_an_unfinished_look_is_said_on_the_page_and_goes_on(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsing, "CHUNK", 10)
    monkeypatch.setattr(rehearsing, "BUDGET_SECONDS", 0.0)
    store(works, drawn(12, 15))
    first = works.client().get(works.page("past")).content.decode()
    assert "Looked at 10 of 15" in first
    assert "load delay" in first
    second = works.client().get(works.page("past")).content.decode()
    assert "Looked at" not in second


def test_the_past_names_what_would_move(works: Works) -> None:
    store(works, [result(0.6)] * 3)
    asked = {"ask": "hand", "threshold": "0.9", "rules": "on"}
    page = works.client().get(works.page("past"), asked).content.decode()
    assert "Failed then, would pass" in page
    assert page.count('class="tile"') == 3

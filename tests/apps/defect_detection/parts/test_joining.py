"""Pictures join parts: by fact, barcode or file name; the newest picture of a view counts."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.defect_detection.models import Defect, Part, View
from apps.defect_detection.services import quality
from apps.defect_detection.services.joining import on_results
from apps.defect_detection.services.parts import Filters
from loupe.accounts.policy import Actor
from loupe.contract.facts import StoredResult
from loupe.jobs.models import Result
from loupe.review import services as review
from tests.apps.defect_detection.parts.conftest import Plant, picture


def test_views_of_one_serial_join_one_part_that_fails_with_its_worst_view(plant: Plant) -> None:
    plant.recipe(views=["top", "bottom"])
    plant.send(picture("1.jpg"), serial="S1", lot="L1", view="top", station="line-1")
    part = plant.part("S1")
    assert (part.outcome, part.missing) == ("review", ["bottom"])
    plant.send(picture("2.jpg", 0.9), serial="S1", lot="L1", view="bottom", station="line-1")
    part.refresh_from_db()
    assert (part.outcome, part.machine_outcome, part.missing) == ("fail", "fail", [])
    assert (part.label, part.lot, part.station) == ("scratch", "L1", plant.station)
    assert part.views.count() == 2


def test_the_same_serial_in_another_lot_is_another_part(plant: Plant) -> None:
    plant.send(picture("1.jpg"), serial="S1", lot="L1")
    plant.send(picture("2.jpg"), serial="S1", lot="L2")
    assert Part.objects.filter(serial="S1").count() == 2


def test_serial_lot_and_view_come_from_the_file_name(plant: Plant) -> None:
    plant.recipe(views=["top"], picture={"file_names": "{lot}_{serial}_{view}"})
    plant.send(picture("inbox/L7_000123_top.jpg"))
    part = plant.part("000123")
    assert (part.lot, part.named, part.views.get().name, part.outcome) == (
        "L7",
        True,
        "top",
        "pass",
    )


def test_a_barcode_wins_over_the_file_name_and_a_fact_over_both(plant: Plant) -> None:
    plant.recipe(picture={"file_names": "{serial}", "codes": "any", "code_texts": "{lot}-{serial}"})
    code = {"text": "L7-00042", "format": "DataMatrix", "x1": 1, "y1": 1, "x2": 9, "y2": 9}
    plant.send(picture("name.jpg", codes=[code]))
    assert plant.part("00042").lot == "L7"
    plant.send(picture("name.jpg", codes=[code]), serial="said")
    assert plant.part("said").lot == "L7"


def test_a_picture_without_a_serial_is_a_part_of_its_own(plant: Plant) -> None:
    plant.send(picture("1.jpg"), picture("2.jpg"))
    parts = list(Part.objects.all())
    assert len(parts) == 2
    assert not any(part.named for part in parts)


def test_pictures_that_name_no_product_make_no_part(plant: Plant) -> None:
    plant.send(picture("1.jpg"), product="", lot="L1")
    assert not Part.objects.exists()


def test_a_newer_picture_of_a_view_takes_its_place(plant: Plant) -> None:
    plant.send(picture("1.jpg", 0.9), serial="S1", view="top")
    plant.send(picture("2.jpg"), serial="S1", view="top")
    part = plant.part("S1")
    assert part.outcome == "pass"
    assert list(part.views.order_by("pk").values_list("replaced", flat=True)) == [True, False]


def test_a_review_of_a_picture_changes_its_part(plant: Plant) -> None:
    job = plant.send(picture("1.jpg", 0.9), serial="S1")
    result = Result.objects.get(job=job)
    actor = Actor(user=plant.people["reviewer"])
    review.give(actor, result, "good")
    part = plant.part("S1")
    assert (part.outcome, part.machine_outcome) == ("pass", "fail")
    assert (part.reviewed, part.overkilled, part.escaped) == (True, True, False)
    review.undo(actor, result)
    part.refresh_from_db()
    assert (part.outcome, part.reviewed, part.overkilled) == ("fail", False, False)


def test_a_review_that_calls_a_passed_picture_bad_is_an_escape(plant: Plant) -> None:
    job = plant.send(picture("1.jpg"), serial="S1")
    review.give(Actor(user=plant.people["reviewer"]), Result.objects.get(job=job), "bad")
    assert plant.part("S1").escaped


def test_what_a_person_draws_counts_instead_of_what_the_machine_found_until_it_is_taken_back(
    plant: Plant,
) -> None:
    job = plant.send(picture("1.jpg", 0.9, 0.8), serial="S1")
    result, actor = Result.objects.get(job=job), Actor(user=plant.people["reviewer"])
    box = {"x1": 10, "y1": 10, "x2": 18, "y2": 18}
    drawn = [{**box, "label": "pit"}, {**box, "label": "pit"}, {**box, "label": "dent"}]
    review.give(actor, result, "bad", correction={"width": 100, "height": 100, "boxes": drawn})
    counted = Defect.objects.order_by("label").values_list("label", "count")
    assert list(counted) == [("dent", 1), ("pit", 2)]
    assert plant.part("S1").label == "pit"
    figures = quality.figures(actor, plant.project, Filters())
    assert {bar.key: bar.bad for bar in figures.defects} == {"pit": 1, "dent": 1}
    review.undo(actor, result)
    assert list(counted.all()) == [("scratch", 2)]
    assert plant.part("S1").label == "scratch"


def test_defects_count_by_class_and_only_where_they_decide(plant: Plant) -> None:
    plant.send(picture("1.jpg", 0.9, 0.8, 0.15), serial="S1")
    assert list(Defect.objects.values_list("label", "count")) == [("scratch", 2)]


def test_hearing_of_the_same_results_again_changes_nothing(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[StoredResult] = []

    def listen(results: Any) -> None:
        heard.extend(results)
        on_results(results)

    monkeypatch.setattr("apps.defect_detection.services.joining.on_results", listen)
    plant.send(picture("1.jpg", 0.9), serial="S1")
    before = list(View.objects.values()), list(Defect.objects.values())
    on_results(heard)
    assert (list(View.objects.values()), list(Defect.objects.values())) == before


def test_the_number_of_queries_does_not_grow_with_the_results(plant: Plant) -> None:
    plant.recipe(picture={"file_names": "{serial}"})

    def queries(count: int, prefix: str) -> int:
        made = [picture(f"{prefix}{number}.jpg", 0.9) for number in range(count)]
        with CaptureQueriesContext(
            connection,
        ) as asked:
            plant.send(*made)
        return len(asked)

    queries(1, "warm")
    assert queries(2, "a") == queries(40, "b")

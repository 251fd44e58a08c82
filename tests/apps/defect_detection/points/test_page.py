"""The operating point's page: who sees it, what it proposes, what it sets."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.defect_detection.models import Product
from loupe.accounts.models import Role
from loupe.registry import services as registry
from loupe.registry.models import OperatingPoint
from loupe.testing import factories
from tests.apps.defect_detection.points.conftest import Works, many

FIT = {"ask": "limits", "escape": "3", "rules": "on"}


def text(client: Client, address: str, **asked: str) -> str:
    answer = client.get(address, asked)
    assert answer.status_code == 200, answer.content[-2000:]
    return answer.content.decode()


def test_without_an_evaluation_the_page_says_what_to_do(works: Works) -> None:
    page = text(works.client(), works.page())
    assert "Not measured yet" in page
    assert "curve-data" not in page


def test_the_page_draws_both_curves_and_says_pg2_and_pb2(works: Works) -> None:
    works.evaluate(many())
    page = text(works.client(), works.page())
    assert page.count('class="band') == 2
    assert "PG2" in page
    assert "480 parts, 480 pictures" in page


def test_a_fit_proposes_a_certified_point_and_setting_it_keeps_the_certificate(
    works: Works,
) -> None:
    evaluation = works.evaluate(many())
    page = text(works.client(), works.page(), **FIT)
    assert "certified" in page
    assert "Escape at most 3 %" in page
    answer = works.client().post(works.page("set"), {**FIT, "note": "Lot 7"})
    assert answer.status_code == 302
    point = OperatingPoint.objects.get(project=works.project)
    assert point.note == "Lot 7"
    certificate: Any = point.certificate
    assert certificate["holds"] is True
    assert certificate["promise"]["limits"][0]["at_most"] == pytest.approx(0.03)
    assert certificate["source"]["evaluation"] == evaluation.pk
    assert certificate["source"]["artefact"] == "onnx"
    assert point.data["threshold"] == point.data["review_from"] > 0.3
    assert registry.operating_point(works.version, works.project) == point
    assert "Lot 7" in text(works.client(), works.page())


def test_too_few_parts_say_how_many_are_missing(works: Works) -> None:
    works.evaluate(many(40, 40))
    page = text(works.client(), works.page(), **{**FIT, "escape": "1"})
    assert "not certified" in page
    assert "more labelled parts with such defects are missing" in page


def test_both_limits_by_class_and_a_class_limit_of_its_own(works: Works) -> None:
    works.evaluate(many(900, 900))
    asked = {**FIT, "overkill": "3", "by_class": "on", "limit_0": "9", "confidence": "90"}
    works.client().post(works.page("set"), asked)
    data: Any = OperatingPoint.objects.get(project=works.project)
    limits = data.certificate["promise"]["limits"]
    assert [(one["kind"], one["label"]) for one in limits] == [
        ("escape", ""),
        ("overkill", ""),
        ("escape", "scratch"),
    ]
    assert data.certificate["promise"]["confidence"] == pytest.approx(0.9)
    assert set(data.data["classes"]) == {"scratch", "pit"}


def test_a_point_by_hand_carries_no_certificate(works: Works) -> None:
    works.evaluate(many())
    asked = {"ask": "hand", "threshold": "0.6", "review_from": "0.4", "rules": "on"}
    assert "no certificate" in text(works.client(), works.page(), **asked)
    works.client().post(works.page("set"), asked)
    point = OperatingPoint.objects.get(project=works.project)
    assert point.certificate is None
    assert (point.data["threshold"], point.data["review_from"]) == (0.6, 0.4)


def test_a_point_can_be_set_by_hand_before_anything_was_measured(works: Works) -> None:
    works.client().post(works.page("set"), {"ask": "hand", "threshold": "0.6", "rules": "on"})
    assert OperatingPoint.objects.get(project=works.project).data["threshold"] == 0.6


def test_severity_and_size_are_set_by_class_in_millimetres(works: Works) -> None:
    works.evaluate(many())
    asked = {
        "ask": "rules", "rules": "on", "mm_per_pixel": "0.05",
        "severity_0": "minor", "below_0": "0.3", "critical_0": "2.5",
    }  # fmt: skip
    works.client().post(works.page("set"), asked)
    data = OperatingPoint.objects.get(project=works.project).data
    assert data["mm_per_pixel"] == 0.05
    assert data["classes"]["scratch"]["severity"] == "minor"
    assert data["classes"]["scratch"]["sizes"] == [
        {"from_mm": 0.0, "severity": "ignore"},
        {"from_mm": 0.3, "severity": "minor"},
        {"from_mm": 2.5, "severity": "critical"},
    ]
    page = text(works.client(), works.page())
    assert 'name="below_0" value="0.3"' in page
    assert 'name="critical_0" value="2.5"' in page


def test_sizes_without_the_size_of_a_pixel_are_refused_in_words(works: Works) -> None:
    works.evaluate(many())
    asked = {"ask": "rules", "rules": "on", "critical_0": "2.5"}
    assert "mm_per_pixel is empty" in text(works.client(), works.page(), **asked)
    assert works.client().post(works.page("set"), asked).status_code == 302
    assert not OperatingPoint.objects.filter(project=works.project).exists()


def test_a_review_limit_above_the_threshold_is_refused(works: Works) -> None:
    works.evaluate(many())
    asked = {"ask": "hand", "threshold": "0.3", "review_from": "0.4", "rules": "on"}
    assert "choose at most that" in text(works.client(), works.page(), **asked)


def test_each_runtime_is_fitted_from_its_own_scores(works: Works) -> None:
    works.evaluate(many(), "onnx")
    int8 = works.evaluate(many(seed=4), "int8", serving=False)
    page = text(works.client(), works.page(), evaluation=str(int8.pk))
    assert "not what serves this version" in page
    works.client().post(works.page("set"), {**FIT, "evaluation": str(int8.pk)})
    point: Any = OperatingPoint.objects.get(project=works.project)
    assert point.certificate["source"]["artefact"] == "int8"


def test_a_product_gets_a_point_of_its_own(works: Works) -> None:
    works.evaluate(many())
    Product.objects.create(project=works.project, key="ring", name="Ring 7")
    assert "Ring 7" in text(works.client(), works.page())
    works.client().post(works.page("set"), {**FIT, "scope": "ring"})
    point = OperatingPoint.objects.get(project=works.project)
    assert point.scope == "ring"
    assert registry.operating_point(works.version, works.project, "ring") == point
    assert registry.operating_point(works.version, works.project).project is None
    assert works.client().get(works.page(), {"scope": "none"}).status_code == 404


def test_curves_of_one_class(works: Works) -> None:
    works.evaluate(many())
    page = text(works.client(), works.page(), **{"class": "pit"})
    assert '"parts": 120' in page


def test_damaged_predictions_are_told_and_nothing_else_breaks(works: Works) -> None:
    works.evaluate(['{"name": "a"'])
    assert "predictions_damaged" in text(works.client(), works.page())


def test_only_pictures_of_training_are_told_as_such(works: Works) -> None:
    works.evaluate([one.replace('"split": "test"', '"split": "train"') for one in many(8, 8)])
    assert "nothing_held_out" in text(works.client(), works.page(), **FIT)


@pytest.mark.parametrize("role", list(Role))
def test_everybody_may_look_and_engineers_may_set(works: Works, role: Role) -> None:
    works.evaluate(many(60, 60))
    client = works.client(role.value)
    assert client.get(works.page(), FIT).status_code == 200
    assert client.get(works.page("past")).status_code == 200
    enough = role in {Role.ENGINEER, Role.ADMIN}
    assert client.post(works.page("set"), FIT).status_code == (302 if enough else 403)
    assert OperatingPoint.objects.filter(project=works.project).exists() == enough


@pytest.mark.parametrize("rest", ["", "past"])
def test_another_projects_model_does_not_exist(works: Works, rest: str) -> None:
    works.evaluate(many(20, 20))
    client = works.client("stranger")
    assert client.get(works.page(rest)).status_code == 404
    theirs = factories.person("guest", None)
    client.force_login(theirs)
    assert client.get(works.page(rest)).status_code == 404


def test_nobody_looks_without_signing_in(works: Works) -> None:
    assert Client().get(works.page()).status_code == 302
    assert Client().post(works.page("set"), FIT).status_code == 302


def test_an_unknown_version_or_evaluation_is_not_found(works: Works) -> None:
    works.evaluate(many(20, 20))
    wrong = works.page().replace("/1/point/", "/9/point/")
    assert works.client().get(wrong).status_code == 404
    assert works.client().get(works.page(), {"evaluation": "999"}).status_code == 404


def test_the_number_of_queries_does_not_grow_with_what_there_is(works: Works) -> None:
    client = works.client()

    def queries(address: str) -> int:
        client.get(address)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get(address)
        return len(seen)

    works.evaluate(many(20, 20))
    few = queries(works.page())
    for number in range(6):
        works.client().post(works.page("set"), FIT | {"escape": str(number + 3)})
    works.evaluate(many(200, 200), "int8", serving=False)
    assert queries(works.page()) == few
    assert few <= 25


def test_the_page_is_chinese_where_asked(works: Works) -> None:
    works.evaluate(many())
    client = works.client()
    client.cookies.load({"django_language": "zh-hans"})
    page = text(client, works.page(), **FIT)
    assert "漏检" in page
    assert "过检" in page

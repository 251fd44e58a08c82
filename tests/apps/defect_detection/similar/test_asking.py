"""Confirmed cases are kept when they are first needed; pages and REST show the most alike."""

import pytest
from django.urls import reverse

from apps.defect_detection.commands import index_cases
from apps.defect_detection.models import Case, Embedder
from apps.defect_detection.similar import asking, keeping
from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.registry.models import Stage
from loupe.testing import factories
from tests.apps.defect_detection.similar.conftest import APP, Line, data


def names(answer: asking.Answer) -> list[int]:
    return [one.result.pk for one in answer.cases]


def test_only_what_people_confirmed_is_found_the_most_alike_first(line: Line) -> None:
    asked, near, far, unconfirmed = line.results(
        data((10, "pit")), data((14, "pit")), data((60, "crack")), data((10, "pit"))
    )
    line.confirm(near)
    line.confirm(far, "good")
    found = asking.ask(asked, None, 10)
    assert names(found)[0] == near.pk
    assert unconfirmed.pk not in names(found)
    assert (found.searched, found.waiting) == (2, 0)
    assert (found.cases[0].verb, found.cases[0].said_by) == ("confirm", "reviewer")
    assert found.cases[0].case.label == "pit"


def test_the_engine_looks_at_a_confirmed_result_once(line: Line) -> None:
    asked, case = line.results(data((10, "pit")), data((14, "pit")))
    line.confirm(case)
    asking.ask(asked, None, 10)
    asking.ask(asked, None, 10)
    assert line.seen.count(case.pk) == 1
    assert Case.objects.filter(result=case).count() == 1


def test_any_box_or_the_whole_can_be_asked_about(line: Line) -> None:
    asked, pit, crack = line.results(
        data((10, "pit"), (80, "crack")), data((12, "pit")), data((82, "crack"))
    )
    line.confirm(pit)
    line.confirm(crack)
    assert names(asking.ask(asked, 0, 10))[0] == pit.pk
    assert names(asking.ask(asked, 1, 10))[0] == crack.pk
    assert [place.number for place in asking.ask(asked, -1, 10).places] == [0, 1, -1]


def test_boxes_that_a_person_drew_are_what_a_case_is_remembered_by(line: Line) -> None:
    asked, case = line.results(data((50, "pit")), data())
    drawn = {"x1": 52, "y1": 10, "x2": 80, "y2": 40, "label": "pit"}
    line.confirm(case, "bad", correction={"width": 640, "height": 480, "boxes": [drawn]})
    (found,) = asking.ask(asked, None, 10).cases
    assert (found.case.label, found.case.x1) == ("pit", 52)


def test_a_picture_that_is_gone_leaves_the_others_to_be_found(line: Line) -> None:
    asked, lost, case = line.results(data((10, "pit")), data((11, "pit")), data((12, "pit")))
    line.confirm(case)
    line.confirm(lost)
    line.gone.add(lost.pk)
    found = asking.ask(asked, None, 10)
    assert names(found) == [case.pk]
    assert found.waiting == 1


def test_a_page_takes_in_some_and_says_how_many_wait(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, *cases = line.results(*[data((n, "pit")) for n in range(5)])
    for case in cases:
        line.confirm(case)
    monkeypatch.setattr(asking, "SPENT_S", 0.0)
    found = asking.ask(asked, None, 10)
    assert (found.searched, found.waiting) == (0, 4)


def test_the_model_whose_eye_it_is_stays_until_it_is_started_anew(line: Line) -> None:
    asked, case = line.results(data((10, "pit")), data((12, "pit")))
    line.confirm(case)
    asking.ask(asked, None, 10)
    line.version.stage = Stage.RETIRED
    line.version.save()
    newer = factories.model_version(None, APP, number=2)
    assert keeping.embedder_of(line.project).version == line.version
    assert index_cases.main(["--project", "line-1", "--anew"]) == 0
    assert Embedder.objects.get(project=line.project).version == newer
    assert Case.objects.get(result=case).embedder.version == newer


def test_what_is_deleted_takes_its_vectors_along(line: Line) -> None:
    asked, case = line.results(data((10, "pit")), data((12, "pit")))
    case.reviewed = True
    case.save()
    asking.ask(asked, None, 10)
    assert Case.objects.count() == 1
    case.delete()
    assert not Case.objects.exists()
    assert asking.ask(asked, None, 10).cases == []


@pytest.mark.parametrize("name", ["similar", "similar_cases"])
def test_pages_show_the_cases_as_pictures(line: Line, name: str) -> None:
    asked, case = line.results(data((10, "pit")), data((12, "pit")))
    line.confirm(case, "good")
    address = reverse(f"{APP}:{name}", args=["line-1", asked.pk])
    page = line.client().get(address).content.decode()
    picture = reverse("console:picture", args=["line-1", APP, case.pk, "small"])
    assert picture in page
    assert "It is good · reviewer" in page
    assert line.client("stranger").get(address).status_code == 404


def test_the_result_page_has_a_place_for_them(line: Line) -> None:
    (result,) = line.results(data((10, "pit")))
    page = line.client().get(reverse("console:result", args=["line-1", APP, result.pk]))
    assert reverse(f"{APP}:similar_cases", args=["line-1", result.pk]) in page.content.decode()


def test_without_an_engine_the_page_says_so(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise TemporarilyUnavailable("The engine is away; try again.", code="engine_unavailable")

    (result,) = line.results(data((10, "pit")))
    monkeypatch.setattr(keeping, "look_again", away)
    page = line.client().get(reverse(f"{APP}:similar", args=["line-1", result.pk]))
    assert page.status_code == 200
    assert "The engine is away" in page.content.decode()


def test_rest_answers_with_places_and_cases(line: Line) -> None:
    asked, case = line.results(data((10, "pit")), data((12, "pit")))
    line.confirm(case)
    headers = {"Authorization": f"Bearer {line.key('view')}"}
    address = f"/api/v1/{APP}/results/{asked.pk}/similar"
    answer = line.client().get(address, {"limit": 5}, headers=headers)
    said = answer.json()
    assert answer.status_code == 200
    assert said["place"]["place"] == 0
    assert [(one["result"], one["place"]["label"]) for one in said["cases"]] == [(case.pk, "pit")]
    assert said["searched"] == 1
    for wrong, status in (("x", 422), ("7", 404)):
        refused = line.client().get(address, {"place": wrong}, headers=headers)
        assert refused.status_code == status, refused.content
    missing = line.client().get(f"/api/v1/{APP}/results/999999/similar", headers=headers)
    assert missing.status_code == 404

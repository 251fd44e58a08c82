"""Trainings and the model page, through Django's test client."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loupe.accounts.models import Project
from loupe.contract.runtime.panel import Confusion, Figure, Mistake, Panel, Plot, Slice
from loupe.datasets.models import DatasetVersion
from loupe.registry.models import ModelVersion, PromotionRequest, Stage
from loupe.testing import factories, trainings
from loupe.training.models import Run, RunKind, RunState
from tests.host.console.conftest import APP, House


@pytest.fixture
def data(house: House) -> DatasetVersion:
    return trainings.dataset_version(house.project, APP, "lot-7")


def rich(error: float, half: float) -> Panel:
    """A panel with everything a page can show."""
    figure = Figure(
        key="error", en="Mean error", zh="平均误差", value=error, low=error - half,
        high=error + half, count=40, better="lower",
    )  # fmt: skip
    parity = Figure(key="parity", en="Difference", zh="差异", value=0.0, better="lower")
    points = tuple((step / 10, 1 - step / 10) for step in range(11))
    return Panel(
        figures=(figure, parity),
        slices=(Slice(key="pit", en="Pit", zh="凹坑", figures=(figure,)),),
        plots=(
            Plot(
                key="pr", en="Pit", zh="凹坑", x_en="Recall", x_zh="召回率", y_en="Precision",
                y_zh="精确率", points=points,
            ),
        ),
        confusion=Confusion(labels=("pit", "nothing"), values=((31, 2), (5, 40))),
        mistakes=(
            Mistake(kind="miss", record="ring-1.jpg", label="pit", score=0.12, picture="a.png"),
            Mistake(kind="false_alarm", record="x.jpg", label="pit", score=0.9, picture="b.png"),
        ),
    )  # fmt: skip


@pytest.fixture
def versions(house: House, data: DatasetVersion) -> Callable[[float], list[ModelVersion]]:
    """``versions(error)``: one in production with an error of 1.0 ± 0.1, and a candidate."""

    def make(error: float) -> list[ModelVersion]:
        live = factories.model_version(house.project, APP, "ours", 1)
        candidate = factories.model_version(house.project, APP, "ours", 2, Stage.CANDIDATE)
        trainings.evaluation(live, data, rich(1.0, 0.1))
        trainings.evaluation(candidate, data, rich(error, 0.1))
        return [live, candidate]

    return make


def page_of(house: House, version: ModelVersion, role: str = "engineer") -> str:
    there = house.url(f"models/{APP}/{version.model_id}/?version={version.number}")
    answer = house.client(role).get(there)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0.5, "Better than ours v1"),
        (1.05, "cannot tell it apart from ours v1"),
        (1.9, "Worse than ours v1"),
    ],
)
def test_the_model_page_answers_whether_a_candidate_is_better(
    house: House, versions: Callable[[float], list[ModelVersion]], error: float, words: str
) -> None:
    assert words in page_of(house, versions(error)[1])


def test_the_model_page_shows_mistakes_classes_curves_and_confusion(
    house: House, versions: Callable[[float], list[ModelVersion]]
) -> None:
    _, candidate = versions(0.5)
    page = page_of(house, candidate)
    for words in ("Worst mistakes", "ring-1.jpg", "False alarms", "By class", "Confusion"):
        assert words in page
    assert "<polyline" in page
    picture = re.search(r'src="(/p/[^"]+/mistakes/\d+/a\.png)"', page)
    assert picture is not None
    client = house.client("viewer")
    answer = client.get(picture[1])
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer.content.startswith(b"\x89PNG")
    assert client.get(picture[1].replace("a.png", "c.png")).status_code == 404
    assert house.client("stranger").get(picture[1]).status_code == 404


def test_conditions_that_fail_are_named_and_close_the_promotion(
    house: House, versions: Callable[[float], list[ModelVersion]]
) -> None:
    _, candidate = versions(1.9)
    page = page_of(house, candidate)
    assert re.search(r'class="fails".*?No worse than now', page, re.DOTALL)
    there = house.url(f"models/{APP}/{candidate.model_id}/2/promote")
    answer = house.client("engineer").post(there, {"reason": "please"}, follow=True)
    assert "(gate_closed)" in answer.content.decode()
    candidate.refresh_from_db()
    assert candidate.stage == Stage.CANDIDATE


def test_a_second_person_agrees_on_the_page_and_the_history_names_both(
    house: House, versions: Callable[[float], list[ModelVersion]]
) -> None:
    live, candidate = versions(0.5)
    Project.objects.filter(pk=house.project.pk).update(second_person=True)
    there = house.url(f"models/{APP}/{candidate.model_id}/2/")
    house.client("engineer").post(f"{there}promote", {"reason": "fewer errors"})
    mine, theirs = page_of(house, candidate), page_of(house, candidate, "admin")
    assert "Take it back" in mine
    assert "Agree and promote" not in mine
    assert "Agree and promote" in theirs
    homes = {
        one: house.client(one).get(house.url("")).content.decode()
        for one in ("admin", "engineer", "viewer")
    }
    assert [one for one, page in homes.items() if "waits for a second person" in page] == ["admin"]
    refused = house.client("engineer").post(f"{there}answer/approve", follow=True)
    assert "(second_person_needed)" in refused.content.decode()
    house.client("admin").post(f"{there}answer/approve", {"comment": "I looked"})
    candidate.refresh_from_db()
    live.refresh_from_db()
    assert (candidate.stage, live.stage) == (Stage.PRODUCTION, Stage.RETIRED)
    page = page_of(house, candidate)
    assert re.search(r"<strong>admin</strong>\s+put ours v2 into production", page)
    assert "asked by engineer" in page
    assert "fewer errors · I looked" in page
    back = house.url(f"models/{APP}/{candidate.model_id}/2/retire")
    house.client("engineer").post(back, {"back": "yes", "reason": "escapes"})
    live.refresh_from_db()
    assert live.stage == Stage.PRODUCTION


def test_a_wish_is_declined_with_a_reason_or_taken_back(
    house: House, versions: Callable[[float], list[ModelVersion]]
) -> None:
    _, candidate = versions(0.5)
    Project.objects.filter(pk=house.project.pk).update(second_person=True)
    there = house.url(f"models/{APP}/{candidate.model_id}/2/")
    house.client("engineer").post(f"{there}promote", {"reason": "mine"})
    house.client("admin").post(f"{there}answer/decline", {"comment": "lot 9 is missing"})
    house.client("engineer").post(f"{there}promote", {"reason": "again"})
    house.client("engineer").post(f"{there}answer/withdraw")
    states = PromotionRequest.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["declined", "withdrawn"]
    assert house.client("admin").post(f"{there}answer/nonsense").status_code == 404


def test_the_second_person_is_demanded_in_the_settings(house: House) -> None:
    form = {"name": "Line 1", "time_zone": "UTC", "second_person": "on"}
    house.client("admin").post(house.url("settings/"), form)
    house.project.refresh_from_db()
    assert house.project.second_person is True
    house.client("admin").post(house.url("settings/"), {"name": "Line 1", "time_zone": "UTC"})
    house.project.refresh_from_db()
    assert house.project.second_person is False


def test_a_training_is_started_from_the_form_with_the_recipe_it_shows(
    house: House, data: DatasetVersion
) -> None:
    there = house.url(f"trainings/new/{APP}?dataset={data.dataset_id}")
    client = house.client("engineer")
    page = client.get(there).content.decode()
    assert 'name="recipe_steps" value="20"' in page
    form = {"dataset": data.pk, "model_name": "ours", "base": "", "seed": 3, "recipe_rate": "0.25"}
    answer = client.post(there, {**form, "recipe_steps": "7", "recipe_seconds_per_step": "0"})
    run = Run.objects.get()
    assert answer["Location"].endswith(f"/trainings/{run.pk}/")
    assert (run.config["steps"], run.config["rate"], run.seed) == (7, 0.25, 3)
    wrong = client.post(there, {**form, "recipe_steps": "0"})
    assert wrong.status_code == 200
    assert "aria-invalid" in wrong.content.decode()
    assert Run.objects.count() == 1


def test_a_project_without_data_is_told_what_is_missing(house: House) -> None:
    page = house.client("engineer").get(house.url(f"trainings/new/{APP}")).content.decode()
    assert "No dataset version to train on" in page


def test_a_running_training_asks_for_news_is_cancelled_and_resumed(
    house: House, data: DatasetVersion
) -> None:
    run = trainings.run(data, state=RunState.RUNNING, figures=[{"loss": 3.0}] * 5, progress=0.5)
    client, there = house.client("engineer"), house.url(f"trainings/{run.pk}/")
    page = client.get(there).content.decode()
    assert f'hx-get="{there}live"' in page
    assert f'data-events="/api/v1/trainings/{run.pk}/events"' in page
    assert '"loss": 3.0' in page
    assert re.search(r"about [45] min", page)
    client.post(f"{there}cancel")
    page = client.get(there).content.decode()
    assert f'hx-get="{there}live"' not in page
    assert 'data-events=""' in page
    client.post(f"{there}resume")
    run.refresh_from_db()
    assert run.state == RunState.QUEUED
    viewer = house.client("viewer").get(there).content.decode()
    assert f"{there}cancel" not in viewer


def test_a_failed_training_says_why_and_shows_what_it_printed(
    house: House, data: DatasetVersion
) -> None:
    run = trainings.run(
        data,
        state=RunState.FAILED,
        error="The disk is full.",
        error_code="disk_full",
        log="epoch 3",
    )
    page = house.client().get(house.url(f"trainings/{run.pk}/")).content.decode()
    assert "The disk is full." in page
    assert "<code>disk_full</code>" in page
    assert "epoch 3" in page
    assert "Resume" in page


def test_a_version_is_measured_from_its_page(house: House, data: DatasetVersion) -> None:
    version = factories.model_version(house.project, APP, "ours", 1)
    there = house.url(f"models/{APP}/{version.model_id}/1/evaluate")
    client = house.client("engineer")
    assert "trainings/" in client.post(there, {"dataset": data.pk})["Location"]
    assert Run.objects.get().kind == RunKind.EVALUATE
    refused = client.post(there, {"dataset": "x"}, follow=True)
    assert "Choose a dataset version" in refused.content.decode()


def test_trainings_of_another_project_do_not_exist(house: House, data: DatasetVersion) -> None:
    theirs = trainings.run(trainings.dataset_version(house.other, APP, "secret"))
    for rest in ("", "live"):
        there = house.url(f"trainings/{theirs.pk}/{rest}")
        assert house.client().get(there).status_code == 404
    assert house.client().post(house.url(f"trainings/{theirs.pk}/cancel")).status_code == 404
    assert b"secret" not in house.client().get(house.url("trainings/")).content


def test_pages_cost_the_same_however_many_trainings_and_steps_there_are(
    house: House, data: DatasetVersion
) -> None:
    run = trainings.run(data, figures=[{"loss": 1.0}])
    client = house.client()

    def cost(there: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(there).status_code == 200
        return len(seen)

    addresses = [house.url("trainings/"), house.url(f"trainings/{run.pk}/")]
    for there in addresses:
        cost(there)
    before = [cost(there) for there in addresses]
    for _ in range(30):
        trainings.run(data, figures=[{"loss": 1.0}] * 20)
    assert [cost(there) for there in addresses] == before
    assert max(before) <= 15

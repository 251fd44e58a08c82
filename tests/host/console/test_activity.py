"""The bar tells of everything that runs by itself: jobs, trainings, imports."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from loupe.accounts.models import Project
from loupe.console.context import activity
from loupe.datasets.models import Import, ImportState
from loupe.testing import factories, trainings
from loupe.training.models import RunState

APP = "dummy_app"


@pytest.fixture
def line(db: None) -> Project:
    return factories.project("line-1", "Line 1")


def test_a_training_and_an_import_show_with_how_far_they_are(line: Project, client: Client) -> None:
    client.force_login(factories.person("anna", line))
    quiet = client.get("/p/line-1/activity").content.decode()
    assert "busy" not in quiet
    data = trainings.dataset_version(line, APP)
    trainings.run(data, state=RunState.RUNNING, progress=0.5)
    trainings.run(data, state=RunState.QUEUED)
    trainings.run(data, state=RunState.DONE, progress=1.0)
    Import.objects.create(
        dataset=data.dataset, name="a.zip", state=ImportState.RUNNING, done=120, total=3000
    )
    Import.objects.create(dataset=data.dataset, name="b.zip", state=ImportState.DONE, total=9)
    told = client.get("/p/line-1/activity").content.decode()
    assert "busy" in told
    assert "2 trainings running, 1 import running" in told
    assert "<span>25 %</span>" in told
    assert "<span>120/3000</span>" in told
    assert 'href="/p/line-1/trainings/"' in told


def test_what_runs_elsewhere_is_not_told_and_it_costs_the_same_queries(line: Project) -> None:
    other = factories.project("line-2", "Line 2")
    trainings.run(trainings.dataset_version(other, APP), state=RunState.RUNNING)
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert activity(line).running == 0
    data = trainings.dataset_version(line, APP)
    for _ in range(5):
        trainings.run(data, state=RunState.RUNNING)
    with CaptureQueriesContext(connection) as many:
        assert activity(line).trainings == 5
    assert len(many) == len(few) == 3

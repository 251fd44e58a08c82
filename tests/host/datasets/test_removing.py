"""Records and datasets go with who and why, come back, and never from under a version."""

from collections.abc import Callable

import pytest
from django.test import Client

from loupe.accounts import keys
from loupe.accounts.errors import Denied
from loupe.accounts.models import Project
from loupe.accounts.policy import SCOPES, SYSTEM, Actor
from loupe.annotation import queue
from loupe.audit.models import Event
from loupe.datasets import manifest, services
from loupe.datasets.browsing import Filters, records, summary
from loupe.datasets.errors import DatasetRefused
from loupe.datasets.importing.work import work
from loupe.datasets.models import Dataset, Record
from loupe.intake.sources import Source
from loupe.testing import trainings
from loupe.training.models import RunState
from tests.host.datasets.conftest import APP, reading

Archive = Callable[..., Source]


@pytest.fixture
def filled(engineer: Actor, dataset: Dataset, archive: Archive) -> Dataset:
    """Three labelled readings and one to be labelled."""
    lines = [*(reading(n) for n in (1, 2, 3)), {"file": "9.json", "value": 90.0}]
    work(services.import_archive(engineer, dataset, archive(lines)).pk)
    return dataset


def ids(*names: str) -> list[int]:
    return list(Record.objects.filter(name__in=names).values_list("pk", flat=True))


def test_removed_records_are_nowhere_but_in_versions_that_had_them_and_come_back_as_they_were(
    engineer: Actor, filled: Dataset
) -> None:
    before = services.make_version(engineer, filled)
    assert services.remove_records(engineer, filled, ids("1.json", "9.json"), "blurred") == 2
    assert set(records(filled, Filters()).values_list("name", flat=True)) == {"2.json", "3.json"}
    counts = summary(filled)
    assert (counts.total, counts.labelled, counts.todo, counts.labels) == (2, 2, 0, 2)
    assert queue.first(engineer, filled) == ids("2.json")[0]
    after = services.make_version(engineer, filled)
    assert [line.name for line in manifest.read(after.manifest)] == ["2.json", "3.json"]
    assert len(list(manifest.read(before.manifest))) == 3
    told = Event.objects.get(action="dataset.records_removed").details
    assert (told["why"], told["names"]) == ("blurred", ["1.json", "9.json"])
    removed = list(records(filled, Filters(state="removed")).values_list("pk", flat=True))
    assert services.restore_records(engineer, filled, removed) == 2
    assert dict(Record.objects.values_list("name", "state"))["1.json"] == "labelled"
    assert summary(filled).todo == 1


def test_without_a_reason_or_the_right_nothing_goes(
    engineer: Actor, reviewer: Actor, filled: Dataset
) -> None:
    with pytest.raises(DatasetRefused, match="why"):
        services.remove_records(engineer, filled, ids("1.json"), " ")
    with pytest.raises(Denied):
        services.remove_records(reviewer, filled, ids("1.json"), "blurred")
    with pytest.raises(Denied):
        services.archive(reviewer, filled, "old")
    assert summary(filled).total == 4


def test_an_archived_dataset_is_not_listed_and_refuses_every_change_until_it_comes_back(
    engineer: Actor, filled: Dataset, archive: Archive, project: Project
) -> None:
    services.make_version(engineer, filled)
    services.archive(engineer, filled, "the product has ended")
    assert Event.objects.get(action="dataset.archived").details["why"] == "the product has ended"
    one = Record.objects.get(name="1.json")
    for change in (
        lambda: services.make_version(engineer, filled),
        lambda: services.save_labels(engineer, one, {"scaled": 1.0}),
        lambda: services.import_archive(engineer, filled, archive([reading(5)], "b.zip")),
        lambda: services.rename_class(engineer, filled, "small", "tiny"),
        lambda: services.take_corrections(engineer, filled),
    ):
        with pytest.raises(DatasetRefused, match="is archived"):
            change()
    client = Client()
    assert engineer.user is not None
    client.force_login(engineer.user)
    listing = f"/p/{project.slug}/datasets/"
    assert "readings" not in client.get(listing).content.decode()
    assert "readings" in client.get(f"{listing}?archived=yes").content.decode()
    client.post(f"{listing}{filled.pk}/settings/unarchive")
    assert "readings" in client.get(listing).content.decode()
    services.make_version(engineer, filled)


def test_nothing_goes_from_under_an_import_or_a_training(
    engineer: Actor, dataset: Dataset, archive: Archive
) -> None:
    row = services.import_archive(engineer, dataset, archive([reading(1)]))
    for verb in (services.archive, services.delete):
        with pytest.raises(DatasetRefused, match="is at work"):
            verb(engineer, dataset, "old")
    work(row.pk)
    run = trainings.run(services.make_version(engineer, dataset), state=RunState.RUNNING)
    with pytest.raises(DatasetRefused, match="is at work"):
        services.archive(engineer, dataset, "old")
    type(run).objects.update(ended_at="2026-01-01T00:00Z")
    services.archive(engineer, dataset, "old")


def test_only_a_dataset_that_holds_nothing_is_deleted(
    engineer: Actor, filled: Dataset, project: Project
) -> None:
    with pytest.raises(DatasetRefused, match="archive it instead"):
        services.delete(engineer, filled, "old")
    empty = services.create(engineer, project, APP, "mistake")
    services.delete(engineer, empty, "made by mistake")
    assert not Dataset.objects.filter(name="mistake").exists()
    assert Event.objects.get(action="dataset.deleted").details["name"] == "mistake"


def test_the_page_and_rest_remove_and_bring_back(
    engineer: Actor, filled: Dataset, project: Project
) -> None:
    client = Client()
    assert engineer.user is not None
    client.force_login(engineer.user)
    place = f"/p/{project.slug}/datasets/{filled.pk}/"
    sent = {"record": ids("1.json"), "verb": "remove", "why": "blurred"}
    client.post(f"{place}arrange", sent)
    assert "1.json" not in client.get(place).content.decode()
    assert "Bring back" in client.get(f"{place}?state=removed").content.decode()
    secret = keys.create(SYSTEM, project, "line", SCOPES, "never")[1]
    headers = {"authorization": f"Bearer {secret}"}
    rest = Client(headers=headers)
    address, json_type = f"/api/v1/datasets/{filled.pk}", "application/json"
    back = {"records": ids("1.json"), "restore": True}
    answer = rest.post(f"{address}/remove", back, content_type=json_type)
    assert answer.json() == {"changed": 1}
    refused = rest.delete(f"{address}?why=old")
    assert (refused.status_code, refused.json()["code"]) == (409, "dataset_used")
    put_away = rest.patch(address, {"archived": True, "why": "old"}, content_type=json_type)
    assert put_away.json()["archived_at"]

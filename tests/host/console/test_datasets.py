"""The pages of datasets: who sees and does what, as quick with many records as with few."""

import re
from dataclasses import dataclass
from typing import cast

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import StreamingHttpResponse
from django.test.utils import CaptureQueriesContext

from loupe.accounts.models import Role
from loupe.accounts.policy import LOWEST_ROLE, SYSTEM, Action
from loupe.blobs import services as blobs
from loupe.console.pages import datasets as pages
from loupe.datasets import services
from loupe.datasets.importing.work import work
from loupe.datasets.models import Dataset, Import, ImportProblem, Record
from loupe.plugins import registry
from tests.host.console.conftest import APP, House

ROLES = list(Role)


@dataclass(frozen=True)
class Shelf:
    """A dataset in the house's project, with two versions and an import."""

    dataset: Dataset
    imported: Import

    def at(self, rest: str = "") -> str:
        """An address of the dataset."""
        return f"/p/line-1/datasets/{self.dataset.pk}/{rest}"


def add(dataset: Dataset, first: int, count: int) -> None:
    for number in range(first, first + count):
        blob = blobs.store_bytes(b'{"value": %d}' % number, "application/json")
        record = Record.objects.create(
            dataset=dataset, blob=blob, name=f"part-{number}.json", group=f"lot {number % 3}"
        )
        services.save_labels(SYSTEM, record, {"scaled": float(number), "size": "any"})


@pytest.fixture
def shelf(house: House) -> Shelf:
    dataset = services.create(SYSTEM, house.project, APP, "readings", description="Lot 7")
    add(dataset, 0, 3)
    services.make_version(SYSTEM, dataset)
    add(dataset, 3, 1)
    services.make_version(SYSTEM, dataset)
    imported = Import.objects.create(
        dataset=dataset,
        name="set.zip",
        state="done",
        counts={"added": 4, "labelled": 4, "problems": 1, "by_code": {"file_missing": 1}},
    )
    ImportProblem.objects.create(
        imported=imported, file="x.json", line=3, code="file_missing", reason="Gone.", fatal=True
    )
    return Shelf(dataset, imported)


READ = {
    "": Action.VIEW,
    "alike/": Action.VIEW,
    "imports/": Action.VIEW,
    "imports/{imported}/": Action.VIEW,
    "imports/{imported}/live": Action.VIEW,
    "versions/": Action.VIEW,
    "versions/diff?from=1&to=2": Action.VIEW,
    "versions/1/lines.zip": Action.EXPORT,
    "versions/new": Action.MANAGE_DATASETS,
    "settings/": Action.MANAGE_DATASETS,
    "add/": Action.MANAGE_DATASETS,
}
WRITE = {
    "settings/take-corrections": Action.MANAGE_DATASETS,
    "settings/group-by-name": Action.MANAGE_DATASETS,
    "imports/{imported}/cancel": Action.MANAGE_DATASETS,
    "add/": Action.MANAGE_DATASETS,
    "versions/new": Action.MANAGE_DATASETS,
}


@pytest.mark.parametrize("rest", READ)
def test_a_page_opens_for_the_roles_the_policy_names(house: House, shelf: Shelf, rest: str) -> None:
    there = shelf.at(rest.format(imported=shelf.imported.pk))
    for role in ROLES:
        enough = ROLES.index(role) >= ROLES.index(LOWEST_ROLE[READ[rest]])
        answer = house.client(role).get(there)
        if answer.streaming:
            b"".join(cast(StreamingHttpResponse, answer))
        assert answer.status_code == (200 if enough else 403), role
    assert house.client("stranger").get(there).status_code == 404


@pytest.mark.parametrize("rest", WRITE)
def test_a_deed_is_refused_to_roles_below_it(house: House, shelf: Shelf, rest: str) -> None:
    there = shelf.at(rest.format(imported=shelf.imported.pk))
    for role in ROLES:
        enough = ROLES.index(role) >= ROLES.index(LOWEST_ROLE[WRITE[rest]])
        assert (house.client(role).post(there).status_code != 403) == enough, role
    assert house.client("stranger").post(there).status_code == 404


def test_a_dataset_is_made_filled_and_frozen_through_the_pages(house: House) -> None:
    client = house.client("engineer")
    form = {"app": APP, "name": "fresh", "about": '{"sizes": ["any", "big"]}'}
    made = client.post(house.url("datasets/new"), form)
    dataset = Dataset.objects.get(name="fresh")
    assert made.status_code == 302
    assert made["Location"] == house.url(f"datasets/{dataset.pk}/add/")
    files = [
        SimpleUploadedFile("1.json", b'{"value": 1.5}'),
        SimpleUploadedFile("readings.jsonl", b'{"file": "1.json", "scaled": 3.0}\n'),
    ]
    sent = client.post(made["Location"], {"files": files})
    row = Import.objects.get(dataset=dataset)
    assert sent["Location"].endswith(f"/imports/{row.pk}/")
    assert b"/live" in client.get(sent["Location"]).content
    work(row.pk)
    page = client.get(sent["Location"])
    assert b"/live" not in page.content
    shares = {"train": 100, "val": 0, "test": 0, "seed": 0}
    assert client.post(house.url(f"datasets/{dataset.pk}/versions/new"), shares).status_code == 302
    versions = client.get(house.url(f"datasets/{dataset.pk}/versions/")).content.decode()
    assert "No record is in validation" in versions
    wrong = client.post(
        house.url(f"datasets/{dataset.pk}/versions/new"), {**shares, "val": 20}
    ).content.decode()
    assert "add up to 120" in wrong


def test_where_one_app_labels_nobody_is_asked_which(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "labelled_apps", lambda: [registry.get(APP)])
    client = house.client("engineer")
    page = client.get(house.url("datasets/new")).content.decode()
    assert re.search(rf'<input type="hidden" name="app" value="{APP}"', page)
    refused = client.post(house.url("datasets/new"), {"app": "", "name": "fresh"})
    assert "required" in refused.content.decode()


def test_the_next_version_is_offered_as_the_newest_was_made(house: House, shelf: Shelf) -> None:
    services.make_version(SYSTEM, shelf.dataset, seed=7, shares={"train": 0.6, "test": 0.4})
    page = house.client("engineer").get(shelf.at("versions/new")).content.decode()
    for name, value in {"train": 60, "val": 0, "test": 40, "seed": 7}.items():
        assert re.search(rf'name="{name}" value="{value}"', page), name


def test_refusals_stand_at_the_form(house: House, shelf: Shelf) -> None:
    client = house.client("engineer")
    again = client.post(house.url("datasets/new"), {"app": APP, "name": "readings"})
    assert "already" in again.content.decode()
    broken = client.post(shelf.at("settings/"), {"about": '{"sizes": ['})
    assert "no JSON" in broken.content.decode()
    lossy = client.post(shelf.at("settings/"), {"about": '{"sizes": ["big"]}'})
    assert "size=" in lossy.content.decode()


def test_filters_narrow_the_grid_and_bulk_deeds_reach_what_was_selected(
    house: House, shelf: Shelf
) -> None:
    client = house.client("engineer")
    assert client.get(shelf.at("?group=lot+1")).content.count(b'name="record"') == 1
    assert client.get(shelf.at("?state=todo")).content.count(b'name="record"') == 0
    assert client.get(shelf.at("?label=any&q=PART-2")).content.count(b'name="record"') == 1
    first = Record.objects.get(name="part-1.json")
    client.post(shelf.at("arrange"), {"record": first.pk, "verb": "split:test", "back": "q=a"})
    client.post(shelf.at("arrange"), {"record": first.pk, "verb": "skip"})
    first.refresh_from_db()
    assert (first.split, first.state) == ("test", "skipped")


def test_queries_do_not_grow_with_records_and_datasets(house: House, shelf: Shelf) -> None:
    client = house.client("engineer")

    def asked(rest: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as few:
            assert client.get(rest).status_code == 200
        return len(few)

    pages = [shelf.at(), house.url("datasets/"), shelf.at("alike/")]
    before = [asked(page) for page in pages]
    add(shelf.dataset, 100, 40)
    for number in range(5):
        services.create(SYSTEM, house.project, APP, f"more-{number}")
    assert [asked(page) for page in pages] == before

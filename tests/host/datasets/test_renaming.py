"""A class that is used gets another name: all at once, with history, versions untouched."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from loupe.accounts.errors import Denied
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.datasets import manifest, services
from loupe.datasets.browsing import summary
from loupe.datasets.errors import DatasetRefused, LabelConflict
from loupe.datasets.importing.work import work
from loupe.datasets.models import Dataset, LabelChange, Record
from loupe.intake.sources import Source
from tests.host.datasets.conftest import reading

Archive = Callable[..., Source]


@pytest.fixture
def filled(engineer: Actor, dataset: Dataset, archive: Archive) -> Dataset:
    """Two small readings, a large one, and one to be labelled."""
    lines = [reading(1, size="small"), reading(2, size="small"), reading(3, size="large")]
    work(services.import_archive(engineer, dataset, archive([*lines, _unlabelled()])).pk)
    dataset.refresh_from_db()
    return dataset


def _unlabelled() -> dict[str, Any]:
    return {"file": "9.json", "value": 90.0}


def sizes(dataset: Dataset) -> dict[str, str]:
    rows = Record.objects.filter(dataset=dataset, labels__isnull=False)
    return {row.name: row.labels["size"] for row in rows if row.labels is not None}


def test_every_record_has_the_new_name_a_revision_more_and_its_history(
    engineer: Actor, filled: Dataset
) -> None:
    before = services.make_version(engineer, filled)
    assert services.rename_class(engineer, filled, "small", " tiny ") == 2
    assert sizes(filled) == {"1.json": "tiny", "2.json": "tiny", "3.json": "large"}
    assert filled.about["sizes"] == ["any", "tiny", "large"]
    assert dict(summary(filled).classes) == {"tiny": 2, "large": 1}
    changes = LabelChange.objects.filter(record__name="1.json").order_by("revision")
    assert [(each.source, each.labels["size"]) for each in changes if each.labels] == [
        ("imported", "small"), ("renamed", "tiny"),
    ]  # fmt: skip
    assert changes.last().user == engineer.user  # type: ignore[union-attr]
    kept = {line.name: line.labels["size"] for line in manifest.read(before.manifest)}
    assert kept["1.json"] == "small"
    assert before.about["sizes"] == ["any", "small", "large"]
    told = Event.objects.get(action="dataset.class_renamed").details
    assert (told["from"], told["to"], told["records"]) == ("small", "tiny", 2)


def test_whoever_has_a_record_open_is_told(engineer: Actor, filled: Dataset) -> None:
    seen = Record.objects.get(name="1.json")
    services.rename_class(engineer, filled, "small", "tiny")
    with pytest.raises(LabelConflict):
        services.save_labels(engineer, seen, {"scaled": 1.0}, expected_revision=seen.revision)


def test_taking_back_what_was_drawn_before_brings_the_new_name_not_the_old_one(
    engineer: Actor, filled: Dataset
) -> None:
    record = Record.objects.get(name="1.json")
    services.save_labels(engineer, record, {"scaled": 7.0, "size": "small"})
    services.rename_class(engineer, filled, "small", "tiny")
    record = services.undo(engineer, Record.objects.get(name="1.json"))
    assert record.labels is not None
    assert (record.labels["scaled"], record.labels["size"]) == (20.0, "tiny")
    services.make_version(engineer, filled)


@pytest.mark.parametrize(("old", "new"), [("huge", "tiny"), ("small", "large")])
def test_a_name_that_is_not_there_or_in_use_is_refused_and_nothing_changes(
    engineer: Actor, filled: Dataset, old: str, new: str
) -> None:
    with pytest.raises(DatasetRefused, match="cannot become"):
        services.rename_class(engineer, filled, old, new)
    assert sizes(filled)["1.json"] == "small"


def test_only_who_manages_datasets_renames(reviewer: Actor, filled: Dataset) -> None:
    with pytest.raises(Denied):
        services.rename_class(reviewer, filled, "small", "tiny")


def test_the_settings_page_renames(engineer: Actor, filled: Dataset) -> None:
    client = Client()
    assert engineer.user is not None
    client.force_login(engineer.user)
    place = f"/p/line-3/datasets/{filled.pk}/settings/"
    assert "Rename a class" in client.get(place).content.decode()
    answer = client.post(f"{place}rename-class", {"old": "small", "new": "tiny"}, follow=True)
    assert "Renamed in 2 records" in answer.content.decode()
    assert sizes(filled)["2.json"] == "tiny"

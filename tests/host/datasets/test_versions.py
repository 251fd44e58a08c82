"""Versions never change; what differs between two is told; bundles and exports hold all of it."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from loupe.accounts.errors import Denied
from loupe.accounts.models import Role
from loupe.accounts.policy import Actor
from loupe.blobs import upkeep
from loupe.contract.runtime import bundle
from loupe.datasets import services
from loupe.datasets.errors import DatasetRefused
from loupe.datasets.importing.work import work
from loupe.datasets.models import Dataset, DatasetVersion, Record
from loupe.intake.sources import Source
from tests.host.datasets.conftest import reading

Archive = Callable[..., Source]


@pytest.fixture
def filled(engineer: Actor, dataset: Dataset, archive: Archive) -> Dataset:
    lines = [reading(number, size="small" if number % 2 else "large") for number in range(8)]
    row = services.import_archive(engineer, dataset, archive(lines))
    assert not work(row.pk)
    row.refresh_from_db()
    assert row.state == "done", row.error
    return dataset


def test_a_version_is_immutable(engineer: Actor, filled: Dataset) -> None:
    made = services.make_version(engineer, filled)
    for change in (
        lambda: DatasetVersion.objects.filter(pk=made.pk).update(note="x"),
        lambda: DatasetVersion.objects.filter(pk=made.pk).delete(),
    ):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            change()


def test_the_difference_names_every_kind_of_change(
    engineer: Actor, filled: Dataset, archive: Archive
) -> None:
    shares = {"train": 1.0}
    older = services.make_version(engineer, filled, shares=shares)
    first, second, third = Record.objects.order_by("name")[:3]
    services.save_labels(engineer, first, {"scaled": 99.0, "size": "any"})
    services.skip(engineer, second)
    services.set_split(engineer, filled, [third.pk], "test")
    row = services.import_archive(engineer, filled, archive([reading(77)], "more.zip"))
    work(row.pk)
    newer = services.make_version(engineer, filled, shares=shares)
    found = services.diff(older, newer)
    assert found.counts == {
        "added": 1, "removed": 1, "replaced": 0, "relabelled": 1, "moved": 1, "unchanged": 5,
    }  # fmt: skip
    assert [each.name for each in found.removed] == [second.name]
    assert found.relabelled[0].by_class == {"any": 1, "large": -1}
    assert (found.moved[0].split_before, found.moved[0].split_after) == ("train", "test")
    assert found.labels == {"any": 2, "large": -1, "small": -1}
    assert not found.same
    assert services.diff(older, older).same


def test_versions_of_different_datasets_are_not_compared(
    engineer: Actor, filled: Dataset, archive: Archive
) -> None:
    other = services.create(engineer, filled.project, filled.app, "other")
    row = services.import_archive(engineer, other, archive([reading(1)], "o.zip"))
    work(row.pk)
    with pytest.raises(DatasetRefused, match="different datasets"):
        services.diff(
            services.make_version(engineer, filled), services.make_version(engineer, other)
        )


def test_a_bundle_holds_every_record_and_its_bytes(
    engineer: Actor, filled: Dataset, tmp_path: Path
) -> None:
    made = services.make_version(engineer, filled)
    folder = tmp_path / "bundle"
    folder.mkdir()
    services.materialise(made, folder)
    assert bundle.is_bundle(folder)
    assert bundle.describe(folder)["about"] == filled_about(filled)
    found = {record.name: record for record in bundle.records(folder)}
    assert len(found) == 8
    for number in range(8):
        record = found[f"{number}.json"]
        assert json.loads(record.file.read_text()) == {"value": 10.0 * number}
        assert record.labels["scaled"] == 20.0 * number
        assert record.split in {"train", "val", "test"}


def filled_about(dataset: Dataset) -> object:
    return Dataset.objects.get(pk=dataset.pk).about


def test_an_export_comes_back_as_the_same_dataset(
    engineer: Actor, filled: Dataset, tmp_path: Path
) -> None:
    made = services.make_version(engineer, filled)
    found = services.export(engineer, made, "")
    assert found.filename.startswith("readings-v1-")
    data = b"".join(found.chunks)
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    path = tmp_path / "out.zip"
    path.write_bytes(data)
    again = services.create(engineer, filled.project, filled.app, "again")
    row = services.import_archive(engineer, again, Source(name="out.zip", path=path))
    work(row.pk)
    row.refresh_from_db()
    assert (row.state, row.counts["added"], row.counts["problems"]) == ("done", 8, 0)
    before = {r.blob_id: (r.labels, r.split) for r in Record.objects.filter(dataset=again)}
    after = {line.blob_id: line.labels for line in Record.objects.filter(dataset=filled)}
    assert {key: labels for key, (labels, _split) in before.items()} == after
    assert {split for _labels, split in before.values()} <= {"train", "val", "test"}


def test_an_export_leaves_nothing_in_the_spool(
    engineer: Actor, filled: Dataset, place: Path
) -> None:
    made = services.make_version(engineer, filled)
    b"".join(services.export(engineer, made, "").chunks)
    assert not list((place / "spool").rglob("*.json"))


def test_layouts_and_rights_are_asked(
    engineer: Actor, people: dict[str, object], filled: Dataset
) -> None:
    made = services.make_version(engineer, filled)
    with pytest.raises(DatasetRefused, match="layout='yaml'"):
        services.export(engineer, made, "yaml")
    with pytest.raises(Denied):
        services.make_version(Actor(user=people[Role.REVIEWER.value]), filled)  # type: ignore[arg-type]


def test_what_a_version_names_is_never_collected(
    engineer: Actor, filled: Dataset, tmp_path: Path
) -> None:
    made = services.make_version(engineer, filled)
    referenced = upkeep.unreferenced(made.created_at.replace(year=2999))
    assert not referenced.filter(pk__in=[r.blob_id for r in Record.objects.all()]).exists()
    assert not referenced.filter(pk=made.manifest_id).exists()

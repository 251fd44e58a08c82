"""An import brings everything or nothing, whatever is killed, cancelled, hostile or full."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.blobs.errors import DiskFull
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.datasets import fingerprints, services
from loupe.datasets.errors import DatasetRefused, ImportStateRefused
from loupe.datasets.importing import adding, recovery, scratch, storing, unpacking
from loupe.datasets.importing.folder import import_folder
from loupe.datasets.importing.options import Options
from loupe.datasets.importing.work import work
from loupe.datasets.models import Dataset, Import, ImportProblem, LabelChange, Record
from loupe.intake.errors import ArchiveRefused
from loupe.intake.sources import Source
from tests.host.datasets.conftest import reading

Archive = Callable[..., Source]


class Killed(BaseException):
    """What a kill -9 looks like from inside: nothing catches it."""


class Silent:
    def progress(self, done: float, total: float, note: str = "") -> None: ...

    def metrics(self, values: dict[str, JsonValue]) -> None: ...


def ended(row: Import) -> Import:
    row.refresh_from_db()
    return row


def expire(row: Import) -> None:
    Import.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_records_labels_groups_splits_and_problems_come_in(
    engineer: Actor, dataset: Dataset, archive: Archive
) -> None:
    lines = [
        reading(1, group="lot 1", split="val"),
        {"file": "2.json", "value": 5.0},
        {"file": "missing.json", "value": None, "scaled": 1.0},
        {"file": "bad.json", "value": 6.0, "scaled": "x"},
    ]
    row = services.import_archive(engineer, dataset, archive(lines))
    assert Record.objects.count() == 0
    assert not work(row.pk)
    assert ended(row).state == "done", row.error
    first, second = Record.objects.order_by("name")
    assert (first.name, first.group, first.split, first.state) == (
        "1.json", "lot 1", "val", "labelled",
    )  # fmt: skip
    assert (second.state, second.labels) == ("todo", None)
    assert first.fingerprint is not None
    change = LabelChange.objects.get()
    assert (change.source, change.user) == ("imported", engineer.user)
    problems = {(p.code, p.line) for p in ImportProblem.objects.all()}
    assert problems == {("file_missing", 3), ("line_invalid", 4)}
    assert row.counts["added"] == 2
    assert row.counts["by_code"] == {"file_missing": 1, "line_invalid": 1}
    assert not scratch.of(row.pk).folder.exists()


def test_importing_twice_adds_nothing_and_never_overwrites_people(
    engineer: Actor, reviewer: Actor, dataset: Dataset, archive: Archive
) -> None:
    unlabelled = [{"file": f"{n}.json", "value": 10.0 * n} for n in (1, 2)]
    work(services.import_archive(engineer, dataset, archive(unlabelled)).pk)
    mine = Record.objects.get(name="1.json")
    services.save_labels(reviewer, mine, {"scaled": 7.0})
    row = services.import_archive(engineer, dataset, archive([reading(1), reading(2)], "b.zip"))
    work(row.pk)
    assert ended(row).counts["added"] == 0
    assert (row.counts["relabelled"], row.counts["unchanged"]) == (1, 1)
    mine.refresh_from_db()
    assert mine.labels is not None
    assert mine.labels["scaled"] == 7.0
    other = Record.objects.get(name="2.json")
    assert other.labels is not None
    assert other.labels["scaled"] == 40.0


def test_another_file_of_the_same_name_gets_a_name_of_its_own(
    engineer: Actor, dataset: Dataset, archive: Archive
) -> None:
    work(services.import_archive(engineer, dataset, archive([reading(1)])).pk)
    changed = [{"file": "1.json", "value": 99.0, "scaled": 1.0}]
    work(services.import_archive(engineer, dataset, archive(changed, "b.zip")).pk)
    assert sorted(Record.objects.values_list("name", flat=True)) == ["1 (2).json", "1.json"]


def test_the_same_bytes_under_two_names_come_in_once(
    engineer: Actor, dataset: Dataset, archive: Archive
) -> None:
    lines = [reading(1), {"file": "copy.json", "value": 10.0, "scaled": 3.0}]
    row = services.import_archive(engineer, dataset, archive(lines))
    work(row.pk)
    assert Record.objects.count() == 1
    problem = ImportProblem.objects.get()
    assert (problem.code, problem.file, problem.fatal) == ("same_bytes", "copy.json", True)


@pytest.mark.parametrize(
    ("module", "name", "calls"),
    [
        (unpacking, "_settle", 2),
        (unpacking, "_write", 1),
        (storing, "_slice", 0),
        (storing, "_slice", 2),
        (blobs, "record", 0),
        (os, "fsync", 1),
        (adding, "insert", 1),
        (adding, "audit", 0),
    ],
)
def test_killed_anywhere_it_is_finished_by_the_next_worker_and_nothing_is_half_there(
    engineer: Actor,
    dataset: Dataset,
    archive: Archive,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    calls: int,
) -> None:
    monkeypatch.setattr(storing, "SLICE", 3)
    row = services.import_archive(engineer, dataset, archive([reading(n) for n in range(10)]))
    real, left = getattr(module, name), calls

    def deadly(*args: object, **kwargs: object) -> object:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        return real(*args, **kwargs)

    with monkeypatch.context() as killing:
        killing.setattr(module, name, deadly)
        with pytest.raises(Killed):
            work(row.pk)
    assert Record.objects.count() == LabelChange.objects.count() == 0
    assert work(row.pk) is False  # the lease still runs
    assert ended(row).state == "running"
    expire(row)
    assert not work(row.pk)
    assert ended(row).state == "done", row.error
    assert Record.objects.count() == LabelChange.objects.count() == 10
    assert Record.objects.filter(blob__size__gt=0).count() == 10
    assert row.counts["problems"] == 0


def test_one_that_kills_its_workers_is_given_up(
    engineer: Actor, dataset: Dataset, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(*_: object) -> None:
        raise Killed

    row = services.import_archive(engineer, dataset, archive([reading(1)]))
    monkeypatch.setattr(unpacking, "unpack", deadly)
    for _ in range(3):
        with pytest.raises(Killed):
            work(row.pk)
        expire(row)
    assert not work(row.pk)
    assert (ended(row).state, row.error_code) == ("failed", "worker_lost")


def test_cancelled_while_at_work_nothing_comes_in(
    engineer: Actor, dataset: Dataset, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = services.import_archive(engineer, dataset, archive([reading(n) for n in range(4)]))
    real = storing._slice

    def cancelling(*args: object) -> object:
        services.cancel_import(engineer, row)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(storing, "_slice", cancelling)
    assert not work(row.pk)
    assert ended(row).state == "cancelled"
    assert Record.objects.count() == 0
    assert not scratch.of(row.pk).folder.exists()
    with pytest.raises(ImportStateRefused):
        services.cancel_import(engineer, row)


def test_work_stops_when_its_time_is_up_and_goes_on(
    engineer: Actor, dataset: Dataset, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "SLICE", 2)
    row = services.import_archive(engineer, dataset, archive([reading(n) for n in range(6)]))
    turns = 1
    while work(row.pk, seconds=0):
        assert ended(row).done == 2 * turns
        assert row.lease_token is None
        turns += 1
    assert turns == 3
    assert ended(row).state == "done"
    assert Record.objects.count() == 6


def test_a_full_disk_is_waited_for(
    engineer: Actor, dataset: Dataset, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = services.import_archive(engineer, dataset, archive([reading(1)]))

    def full(*_: object) -> None:
        raise DiskFull("The disk is full.")

    with monkeypatch.context() as filling:
        filling.setattr(unpacking, "unpack", full)
        assert not work(row.pk)
    assert ended(row).state == "running"
    assert row.note == "The disk is full."
    assert row.not_before is not None
    Import.objects.filter(pk=row.pk).update(not_before=None)
    work(row.pk)
    assert ended(row).state == "done"


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ({"../../evil.json": b"{}"}, "path_traversal"),
        ({"/etc/evil.json": b"{}"}, "absolute_name"),
        ({"0.json/inner.json": b"{}"}, "duplicate_name"),
        ({"n" * 300 + ".json": b"{}"}, "name_too_long"),
    ],
)
def test_hostile_entries_are_listed_and_the_rest_comes_in(
    engineer: Actor, dataset: Dataset, archive: Archive, entries: dict[str, bytes], code: str
) -> None:
    row = services.import_archive(engineer, dataset, archive([reading(0)], extra=entries))
    work(row.pk)
    assert ended(row).state == "done", row.error
    assert Record.objects.count() == 1
    assert code in set(ImportProblem.objects.values_list("code", flat=True))


def test_a_bomb_is_stopped(engineer: Actor, dataset: Dataset, archive: Archive) -> None:
    bomb = {"bomb.json": b"0" * (64 * 2**20)}
    row = services.import_archive(engineer, dataset, archive([reading(0)], extra=bomb))
    work(row.pk)
    assert ended(row).state == "done", row.error
    assert "compression_bomb" in set(ImportProblem.objects.values_list("code", flat=True))


def test_what_is_no_archive_or_no_dataset_is_refused_with_a_sentence(
    engineer: Actor, dataset: Dataset, archive: Archive, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.zip"
    plain.write_bytes(b"hello")
    with pytest.raises(ArchiveRefused, match="no zip or tar"):
        services.import_archive(engineer, dataset, Source(name="plain.zip", path=plain))
    row = services.import_archive(engineer, dataset, archive([reading(0)]), Options())
    Import.objects.filter(pk=row.pk).update(options={"layout": "nothing"})
    work(row.pk)
    assert (ended(row).state, row.error_code) == ("failed", "unknown_layout")
    with pytest.raises(DatasetRefused, match="layout='nothing'"):
        services.import_archive(engineer, dataset, archive([reading(0)]), Options(layout="nothing"))


def test_loose_files_are_packed_and_taken_as_a_folder(
    engineer: Actor, dataset: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "1.json").write_text('{"value": 1.0}')
    (tmp_path / "readings.jsonl").write_text('{"file": "1.json", "scaled": 2.0}\n')
    sources = [Source(name=f"{n}", path=tmp_path / n) for n in ("1.json", "readings.jsonl")]
    row = services.import_files(engineer, dataset, sources)
    work(row.pk)
    assert ended(row).state == "done", row.error
    assert Record.objects.get().state == "labelled"


def test_recovery_wakes_what_waits_and_sweeps_what_ended(
    engineer: Actor, dataset: Dataset, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, object]] = []

    def sending(task: str, pk: object) -> bool:
        sent.append((task, pk))
        return True

    monkeypatch.setattr("loupe.datasets.wakeups.send", sending)
    row = services.import_archive(engineer, dataset, archive([reading(1)]))
    left = scratch.root() / "00000000-0000-0000-0000-000000000000"
    left.mkdir(parents=True)
    assert recovery.recover() == 1
    assert sent == [("loupe.datasets.work_on_import", row.pk)]
    assert not left.exists()


def test_a_folder_comes_in_at_once_without_any_service(
    engineer: Actor, dataset: Dataset, tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "1.json").write_text('{"value": 1.0}')
    (folder / "readings.jsonl").write_text('{"file": "1.json", "scaled": 2.0}\n')
    row = import_folder(engineer, dataset, folder, Options(), Silent())
    assert (row.state, row.counts["added"]) == ("done", 1)
    assert (folder / "1.json").exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputRefused, match="no dataset in a known layout"):
        import_folder(engineer, dataset, empty, Options(), Silent())
    assert Import.objects.filter(state="failed").count() == 1
    with pytest.raises(DatasetRefused, match="is no folder"):
        import_folder(engineer, dataset, tmp_path / "nowhere", Options(), Silent())


def test_added_files_wait_to_be_labelled_and_get_fingerprints(
    engineer: Actor, dataset: Dataset, tmp_path: Path
) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.json").write_text(f'{{"value": {number}.0}}')
    sources = [Source(name=f"lot_{n}.json", path=tmp_path / f"{n}.json") for n in (1, 2, 1)]
    made = services.add_records(engineer, dataset, sources[:2], group_by="before:_")
    assert [(r.name, r.group, r.state) for r in made.records] == [
        ("lot_1.json", "lot", "todo"), ("lot_2.json", "lot", "todo"),
    ]  # fmt: skip
    again = services.add_records(engineer, dataset, sources[2:])
    assert (len(again.records), again.present) == (0, ("lot_1.json",))
    assert fingerprints.missing() == [dataset.pk]
    assert not fingerprints.take(dataset, 5)
    assert fingerprints.missing() == []

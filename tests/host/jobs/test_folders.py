"""Promises of watched folders: settled files once, a bad folder says so, links lead nowhere."""

import time
from pathlib import Path

import pytest

from loupe.accounts.models import Project
from loupe.intake.models import WatchedFolder
from loupe.jobs import folders
from loupe.jobs.models import Item
from loupe.registry import services as registry


@pytest.fixture
def folder(place: Path, project: Project) -> WatchedFolder:
    """``inbox`` below the watch root."""
    registry.register_shipped("dummy_app")
    (place / "watch" / "inbox").mkdir(parents=True)
    return WatchedFolder.objects.create(
        project=project, app="dummy_app", path="inbox", settle_seconds=0
    )


def drop(place: Path, name: str, text: str = '{"value": 1}') -> Path:
    path = place / "watch" / "inbox" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    time.sleep(0.01)
    return path


def test_new_files_become_one_job_and_never_another(place: Path, folder: WatchedFolder) -> None:
    drop(place, "a.json")
    drop(place, "night/b.json", '{"value": 2}')
    (job,) = folders.poll_all()
    names = Item.objects.filter(job=job).values_list("input__name", flat=True)
    assert sorted(names) == ["a.json", "night/b.json"]
    assert (job.submission.channel, job.submission.name) == ("folder", "inbox")
    assert folders.poll_all() == []
    drop(place, "c.json", '{"value": 3}')
    (second,) = folders.poll_all()
    assert Item.objects.filter(job=second).count() == 1


def test_a_file_that_still_changes_is_left_until_it_has_settled(
    place: Path, folder: WatchedFolder
) -> None:
    drop(place, "growing.json")
    WatchedFolder.objects.update(settle_seconds=60)
    assert folders.poll_all() == []
    WatchedFolder.objects.update(settle_seconds=0)
    assert len(folders.poll_all()) == 1


def test_unfinished_hidden_and_linked_files_are_left(place: Path, folder: WatchedFolder) -> None:
    drop(place, "copy.json.part")
    drop(place, ".hidden.json")
    secret = place / "secret.json"
    secret.write_text('{"value": 1}')
    (place / "watch" / "inbox" / "link.json").symlink_to(secret)
    assert folders.poll_all() == []


def test_a_folder_that_cannot_be_used_says_why_and_holds_up_no_other(
    place: Path, folder: WatchedFolder, project: Project
) -> None:
    for path in ("../outside", "missing"):
        WatchedFolder.objects.create(project=project, app="dummy_app", path=path)
    (place / "outside").mkdir()
    drop(place, "a.json")
    assert len(folders.poll_all()) == 1
    errors = dict(WatchedFolder.objects.values_list("path", "error"))
    assert "leads out of LOUPE_WATCH_ROOT" in errors["../outside"]
    assert "There is no folder" in errors["missing"]
    assert errors["inbox"] == ""


def test_a_file_that_is_refused_is_not_tried_again_and_again(
    place: Path, folder: WatchedFolder
) -> None:
    drop(place, "bad.json", "")
    assert folders.poll_all() == []
    folder.refresh_from_db()
    assert "empty" in folder.error
    assert folder.seen_files.count() == 1
    assert folders.poll_all() == []


def test_what_is_said_of_a_folder_is_said_of_its_files(place: Path, folder: WatchedFolder) -> None:
    WatchedFolder.objects.update(facts={"tray": "b2-1"})
    drop(place, "a.json")
    (job,) = folders.poll_all()
    assert job.submission.facts == {"tray": "b2-1", "batch": "b2"}
    WatchedFolder.objects.update(facts={"batch": "gone"})
    drop(place, "b.json")
    assert folders.poll_all() == []
    folder.refresh_from_db()
    assert "There is no batch 'gone'" in folder.error

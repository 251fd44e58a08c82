"""Folders are watched below LOUPE_WATCH_ROOT only, by those who may."""

from pathlib import Path

import pytest

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.contract.runtime.errors import LoupeError
from loupe.ids import new_id
from loupe.intake import watching
from loupe.intake.errors import FolderRefused
from loupe.intake.models import WatchedFolder
from tests.host.intake.samples import APP


@pytest.fixture
def engineer(place: Path, project: Project, operator: Actor) -> Actor:
    Membership.objects.filter(user=operator.user).update(role=Role.ENGINEER)
    (place / "watch" / "line" / "3").mkdir(parents=True)
    return operator


def test_a_folder_below_the_root_is_watched_and_audited(project: Project, engineer: Actor) -> None:
    folder = watching.watch(engineer, project, path="line/3/", app=APP)
    assert list(watching.listing(engineer, project)) == [folder]
    assert (folder.path, folder.enabled) == ("line/3", True)
    assert Event.objects.get().action == "folder.watched"
    assert not watching.set_enabled(engineer, project, folder.pk, False).enabled
    watching.unwatch(engineer, project, folder.pk)
    assert not WatchedFolder.objects.exists()


@pytest.mark.parametrize("path", ["../secrets", "/etc", "line/../../x", "", "line\\3", "missing"])
def test_a_path_that_leaves_the_root_or_is_missing_is_refused(
    project: Project, engineer: Actor, path: str
) -> None:
    with pytest.raises(FolderRefused, match="below LOUPE_WATCH_ROOT"):
        watching.watch(engineer, project, path=path, app=APP)


def test_a_link_out_of_the_root_is_refused(place: Path, project: Project, engineer: Actor) -> None:
    (place / "outside").mkdir()
    (place / "watch" / "link").symlink_to(place / "outside")
    with pytest.raises(FolderRefused, match="There is no folder 'link' below"):
        watching.watch(engineer, project, path="link", app=APP)


def test_a_folder_is_watched_once(project: Project, engineer: Actor) -> None:
    watching.watch(engineer, project, path="line/3", app=APP)
    with pytest.raises(FolderRefused, match="'line/3' is watched already"):
        watching.watch(engineer, project, path="./line/3", app=APP)


def test_an_operator_and_a_wrong_app_are_refused(project: Project, engineer: Actor) -> None:
    with pytest.raises(LoupeError, match="No app is called 'nothing'"):
        watching.watch(engineer, project, path="line/3", app="nothing")
    with pytest.raises(NotVisible, match="There is no watched folder"):
        watching.unwatch(engineer, project, new_id())
    Membership.objects.filter(user=engineer.user).update(role=Role.OPERATOR)
    with pytest.raises(Denied, match="'engineer'"):
        watching.watch(engineer, project, path="line/3", app=APP)

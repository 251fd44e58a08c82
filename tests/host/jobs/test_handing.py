"""Apps that keep files themselves: every channel hands over, and the host keeps nothing of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps as django_apps
from django.db import connection
from django.test import Client
from receiving_probe import keeping

from loupe.accounts.models import Project, Role
from loupe.accounts.policy import SYSTEM
from loupe.blobs.sniff.content import media_type
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.steps import Place, Step
from loupe.intake.errors import SubmissionRefused
from loupe.intake.models import Channel, Input, SeenFile, Submission, WatchedFolder
from loupe.intake.sources import Source
from loupe.jobs import folders, handing
from loupe.jobs.offline.choosing import Choice
from loupe.jobs.offline.predicting import Predictor
from loupe.plugins import registry
from loupe.sandbox.pool import SandboxPool
from loupe.testing import factories

APP = "receiving_probe"
NAME = "Zwiebelfisch.txt"
SAID = "line one\nZwiebelfisch"


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    keeping.SEEN.clear()


def _file(folder: Path, name: str = NAME, content: bytes = b"letters") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


def _named_rows() -> list[str]:
    """Tables with a row in which the name stands."""
    found = []
    with connection.cursor() as cursor:
        for model in django_apps.get_models(include_auto_created=True):
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            if any("zwiebelfisch" in str(row).lower() for row in cursor.fetchall()):
                found.append(model._meta.db_table)
    return found


def test_files_and_what_was_said_reach_the_app_and_no_table(
    project: Project, place: Path, tmp_path: Path
) -> None:
    sources = [Source(name=f"a/{NAME}", path=_file(tmp_path / "in"))]
    received = handing.hand_over(
        SYSTEM, project, APP, Channel.REST, sources, "Zwiebelfisch", None, {"about": SAID}
    )
    (seen,) = keeping.SEEN
    assert seen.files[0].name == f"a/{NAME}"
    assert (seen.facts["about"], seen.channel, seen.sent_by) == (SAID, "rest", SYSTEM.label)
    assert received.taken == 1
    given = Input.objects.get()
    assert (given.name, given.kind) == ("box", "box")
    assert Submission.objects.get().facts == {"inside": "counted"}
    assert _named_rows() == []


def test_nothing_sent_and_empty_files_are_refused(
    project: Project, place: Path, tmp_path: Path
) -> None:
    with pytest.raises(SubmissionRefused, match="Nothing was sent"):
        handing.hand_over(SYSTEM, project, APP, Channel.WEB, [])
    empty = Source(name="a", path=_file(tmp_path, "a", b""))
    with pytest.raises(SubmissionRefused, match="empty"):
        handing.hand_over(SYSTEM, project, APP, Channel.WEB, [empty])
    good = Source(name=NAME, path=_file(tmp_path))
    received = handing.hand_over(SYSTEM, project, APP, Channel.WEB, [empty, good])
    assert [(each.position, each.code) for each in received.not_taken] == [(1, "empty_file")]
    odd = Source(name="a.odd", path=_file(tmp_path, "a.odd"))
    with pytest.raises(InputRefused, match="odd"):
        handing.hand_over(SYSTEM, project, APP, Channel.WEB, [odd])


def test_a_watched_folder_hands_over_once_and_remembers_no_name(
    project: Project, place: Path
) -> None:
    _file(place / "watch" / "in")
    watched = WatchedFolder.objects.create(project=project, app=APP, path="in", settle_seconds=0)
    assert folders.poll(watched) is None
    assert folders.poll(watched) is None
    assert len(keeping.SEEN) == 1
    assert SeenFile.objects.count() == 1
    assert _named_rows() == []


def test_rest_answers_where_it_is_followed_and_names_files_by_number(
    project: Project, place: Path, client: Client
) -> None:
    owner = factories.person("olga", project, Role.ADMIN)
    client.force_login(owner)
    from django.core.files.uploadedfile import SimpleUploadedFile

    def files() -> list[Any]:
        return [SimpleUploadedFile("Zwiebelfisch.odd", b"x"), SimpleUploadedFile(NAME, b"y")]

    answer = client.post(
        f"/api/v1/submissions?project={project.slug}&app={APP}",
        {"file": files(), "about": SAID},
        headers={"Idempotency-Key": "once"},
    )
    told = answer.json()
    assert answer.status_code == 200, told
    assert (told["app"], told["taken"]) == (APP, 1)
    assert [(each["file"], each["code"]) for each in told["not_taken"]] == [(1, "odd")]
    assert answer["Location"].startswith("/api/v1/jobs/")
    assert _named_rows() == []


def test_the_page_follows_to_the_apps_own(project: Project, place: Path, client: Client) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client.force_login(factories.person("olga", project, Role.ADMIN))
    page = client.get(f"/p/{project.slug}/apps/{APP}/")
    assert b"<textarea" in page.content
    assert b'name="fact_inside"' not in page.content
    answer = client.post(
        f"/p/{project.slug}/apps/{APP}/upload",
        {"files": [SimpleUploadedFile(NAME, b"y")], "fact_about": SAID},
        headers={"Accept": "application/json"},
    )
    assert answer.json()["url"] == f"/p/{project.slug}/boxes"
    assert keeping.SEEN[0].facts["about"] == SAID


def test_predict_gathers_and_says_how_each_result_stands(db: None, tmp_path: Path) -> None:
    _file(tmp_path / "one", "a.txt", b"x" * 150)
    _file(tmp_path / "one", "b.txt", b"y" * 10)
    _file(tmp_path / "one", "c.odd")
    with Predictor(registry.get(APP), Choice(version=None, point=None)) as predictor:
        lines = list(predictor.lines([str(tmp_path / "one")]))
        gone = list(predictor.lines([str(tmp_path / "gone")]))
    assert [(line["name"], line["status"]) for line in lines] == [
        ("one", "counted"), ("c.odd", "refused"),
    ]  # fmt: skip
    assert lines[0]["data"]["letters"] == 160
    assert lines[0]["outcome"] == "many"
    assert gone[0]["status"] == "refused"
    assert gone[0]["error"]["code"] == "no_such_path"
    json.dumps(lines)


def test_a_step_gets_the_memory_and_time_that_it_declares(tmp_path: Path) -> None:
    step = Step(name="x", place=Place.SANDBOX, run="receiving_probe.boxes:count")
    path = _file(tmp_path, "a", b"text")
    with SandboxPool(1, 2**30, timeout_s=60) as pool:
        pool.parse(step.run, path, {})
        small = pool._idle.queue[0]
        pool.parse(step.run, path, {}, memory_bytes=3 * 2**30, seconds=90)
        large = pool._idle.queue[0]
        pool.parse(step.run, path, {})
        again = pool._idle.queue[0]
    assert small is not None
    assert large is not None
    assert again is not None
    assert [each.memory_bytes >> 30 for each in (small, large, again)] == [1, 3, 1]


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (("mimetype", b"application/vnd.probe.box+zip"), "application/vnd.probe.box+zip"),
        (("mimetype", b"text/html"), "application/zip"),
        (("mimetype", b"application/x" + b"y" * 200), "application/zip"),
        (("other", b"application/vnd.probe.box+zip"), "application/zip"),
    ],
)
def test_a_zip_says_its_type_by_its_first_entry(
    first: tuple[str, bytes], kind: str, tmp_path: Path
) -> None:
    import zipfile

    path = tmp_path / "a"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(*first)
        made.writestr("more", b"x")
    assert media_type(path) == kind
    deflated = tmp_path / "b"
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(*first)
    assert media_type(deflated) == "application/zip"

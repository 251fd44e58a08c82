"""Results leave in the formats their app declares, whole, and with an event."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import ApiKey, Project
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.delivery import exports
from loupe.delivery.errors import UnknownFormat
from loupe.jobs.results import Filters
from tests.host.review.stored import stored_result


def test_an_export_holds_every_result_that_matches(admin: Actor, project: Project) -> None:
    for outcome in ("high", "low", "high"):
        stored_result(project, outcome)
    stored_result(Project.objects.create(slug="line-4", name="Line 4"))
    out = BytesIO()
    count = exports.write(admin, project, "dummy_app", "lines", out, Filters(outcome="high"))
    assert count == 2
    assert len(out.getvalue().splitlines()) == 2
    event = Event.objects.get()
    assert (event.action, event.subject) == ("results.exported", "app:dummy_app")
    told = {"format": "lines", "count": 2, "filters": {"outcome": "high"}}
    assert event.details == told


def test_a_format_the_app_does_not_have_is_refused_with_the_list(
    admin: Actor, project: Project
) -> None:
    for key in ("coco", "text"):  # `text` exports a single result
        with pytest.raises(UnknownFormat, match="choose one of lines"):
            exports.write(admin, project, "dummy_app", key, BytesIO())
    assert exports.chosen("dummy_app", "text", one=True).single
    assert not Event.objects.exists()


def test_strangers_and_keys_without_the_scope_export_nothing(project: Project) -> None:
    stranger = Actor(user=User.objects.create_user("stranger"))
    with pytest.raises(NotVisible):
        exports.write(stranger, project, "dummy_app", "lines", BytesIO())
    key = Actor(key=ApiKey(project=project, scopes=["view"], prefix="x"))
    with pytest.raises(Denied):
        exports.write(key, project, "dummy_app", "lines", BytesIO())


def test_the_command_writes_a_file(project: Project, tmp_path: Path) -> None:
    job = stored_result(project).job
    stored_result(project)
    out = tmp_path / "results.ndjson"
    command = ["export", "dummy_app", "--format", "lines", "--out", str(out)]
    call_command(*command)
    assert len(out.read_text().splitlines()) == 2
    call_command(*command, "--job", str(job.pk))
    (line,) = out.read_text().splitlines()
    assert json.loads(line)
    assert list(tmp_path.iterdir()) == [out]
    assert Event.objects.filter(actor="system", action="results.exported").count() == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nothing", "--format", "lines"], "No app is called 'nothing'"),
        (["dummy_app", "--format", "coco"], "'coco' is no format"),
        (["dummy_app", "--format", "lines", "--project", "x"], "there are: line-3, line-4"),
        (["dummy_app", "--format", "lines"], "Say which project"),
    ],
)
def test_the_command_says_what_is_wrong_and_writes_nothing(
    arguments: list[str], why: str, project: Project, tmp_path: Path
) -> None:
    Project.objects.create(slug="line-4", name="Line 4")
    with pytest.raises(CommandError, match=why):
        call_command("export", *arguments, "--out", str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "missing" / "out"
    with pytest.raises(CommandError, match="missing/out cannot be written: No such file"):
        call_command("export", "dummy_app", "--format", "lines", "--out", str(out))

"""The demo login is told at every start for as long as it works, and kept from others."""

import io
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from loupe.accounts.models import Project
from loupe.jobs.models import Job
from loupe.plugins import registry
from loupe.supervisor import demo
from loupe.supervisor.single import alone
from loupe.testing import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(tmp_path: Path, settings: Settings) -> demo.Login:
    """The login of a first start below a folder of the test's own."""
    settings.VAR = tmp_path
    settings.DEMO = True
    demo.prepare()
    login = demo.login()
    assert login is not None
    return login


def said_by_a_start(settings: Settings) -> str:
    """What `manage.py up` prints while the installation runs already."""
    out = io.StringIO()
    with alone(Path(settings.VAR), "http://localhost:8000/"):
        call_command("up", stdout=out)
    return out.getvalue()


def test_every_start_tells_the_same_login_and_it_works(
    made: demo.Login, settings: Settings
) -> None:
    demo.prepare()
    assert demo.login() == made
    assert made.password is not None
    assert User.objects.get(username=made.username).check_password(made.password)
    said = said_by_a_start(settings)
    assert "already running at http://localhost:8000/" in said
    assert f"Sign in as demo with the password {made.password}" in said


def test_a_password_that_was_changed_is_not_told(made: demo.Login, settings: Settings) -> None:
    person = User.objects.get(username=made.username)
    person.set_password("chosen by somebody")
    person.save()
    assert demo.login() == demo.Login(username="demo", password=None)
    said = said_by_a_start(settings)
    assert "Sign in as demo with the password chosen for it" in said
    assert str(made.password) not in said


@pytest.mark.parametrize("how", ["renamed", "locked out"])
def test_nobody_is_told_who_cannot_sign_in(made: demo.Login, settings: Settings, how: str) -> None:
    people = User.objects.filter(username=made.username)
    if how == "renamed":
        people.update(username="anna")
    else:
        people.update(is_active=False)
    assert demo.login() is None
    assert "Sign in" not in said_by_a_start(settings)


def test_the_password_lies_in_a_file_of_its_owner_alone(
    made: demo.Login, settings: Settings
) -> None:
    file = Path(settings.VAR) / "demo.json"
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_demo_there_is_no_login(tmp_path: Path, settings: Settings) -> None:
    settings.VAR = tmp_path
    settings.DEMO = False
    demo.prepare()
    assert demo.login() is None
    assert not User.objects.exists()


def test_an_app_adds_to_its_samples_once_they_are_through(
    made: demo.Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project.objects.get(slug=demo.SLUG)
    job = factories.job(project, registry.installed()[0].slug, [])
    called: list[tuple[str | None, Project]] = []
    monkeypatch.setattr(registry.get(job.app), "after_samples", "any:name")
    monkeypatch.setattr(
        demo, "load", lambda _name: lambda actor, where: called.append((actor.label, where))
    )
    Job.objects.filter(pk=job.pk).update(ended_at=None)
    assert not demo.after_samples(job.pk)
    assert called == []
    Job.objects.filter(pk=job.pk).update(ended_at=timezone.now())
    assert demo.after_samples(job.pk)
    assert called == [(f"user:{made.username}", project)]

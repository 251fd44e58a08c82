"""`manage.py createkey` prints one working key and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from loupe.accounts import keys
from loupe.accounts.models import ApiKey, Project

Captured = pytest.CaptureFixture[str]


def createkey(**given: str) -> None:
    wanted = {"project": "line-3", "name": "MES", "scopes": "submit, view", "expires": "never"}
    options = [part for key, value in (wanted | given).items() for part in (f"--{key}", value)]
    call_command("createkey", *options)


def test_the_key_it_prints_works(project: Project, capsys: Captured) -> None:
    createkey()
    out, error = capsys.readouterr()
    key = keys.authenticate(out.strip())
    assert (key.name, key.scopes, key.expiry_date) == ("MES", ["submit", "view"], None)
    assert len(out.split()) == 1
    assert "not shown again" in error
    assert out.strip() not in error


def test_it_makes_nothing_but_the_key(project: Project) -> None:
    createkey()
    assert ApiKey.objects.count() == 1
    assert (Project.objects.count(), User.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("expires", "moment"),
    [
        ("2099-03-31", datetime(2099, 3, 31, tzinfo=UTC)),
        ("2099-03-31T18:00:00+01:00", datetime(2099, 3, 31, 17, tzinfo=UTC)),
        ("2099-03-31 18:00", datetime(2099, 3, 31, 18, tzinfo=UTC)),
    ],
)
def test_expiry_is_a_date_or_a_time(expires: str, moment: datetime, project: Project) -> None:
    createkey(expires=expires)
    assert ApiKey.objects.get().expiry_date == moment


def test_expiry_is_a_number_of_days(project: Project) -> None:
    createkey(expires="90d")
    left = ApiKey.objects.get().expiry_date - timezone.now()
    assert timedelta(days=89, hours=23) < left <= timedelta(days=90)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"project": "line-9"}, "there are: line-3"),
        ({"scopes": "everything"}, "choose at least one of cancel, export"),
        ({"scopes": ""}, "choose at least one"),
        ({"expires": "soon"}, "'soon' is not understood: write never, 90d"),
        ({"expires": "2099-13-01"}, "is no date"),
        ({"expires": "2020-01-01"}, "which is past"),
        ({"name": ""}, "needs a name"),
    ],
)
def test_what_is_wrong_is_said_and_no_key_is_made(
    given: dict[str, str], why: str, project: Project
) -> None:
    with pytest.raises(CommandError, match=why):
        createkey(**given)
    assert not ApiKey.objects.exists()

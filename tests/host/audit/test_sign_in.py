"""Signing in, failing to and signing out leave events, through the real pages."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest
from django.test import Client

from loupe.audit.models import Event

pytestmark = pytest.mark.django_db
PASSWORD = "of-the-line-3"


@pytest.fixture(autouse=True)
def _no_earlier_failures() -> None:
    cache.clear()


@pytest.fixture
def person() -> User:
    return User.objects.create_user("anna", password=PASSWORD)


def actions() -> list[tuple[str, str]]:
    return list(Event.objects.order_by("pk").values_list("action", "actor"))


def sign_in(client: Client, name: str, password: str) -> None:
    client.post("/accounts/login/", {"login": name, "password": password})


def test_signing_in_and_out_is_recorded_with_the_address(client: Client, person: User) -> None:
    sign_in(client, "anna", PASSWORD)
    client.post("/accounts/logout/")
    assert actions() == [("sign_in.done", "user:anna"), ("sign_out.done", "user:anna")]
    assert Event.objects.order_by("pk")[0].details == {"address": "127.0.0.1"}


def test_a_wrong_password_is_recorded_and_not_repeated(client: Client, person: User) -> None:
    sign_in(client, "anna", "hunter2-but-longer")
    assert actions() == [("sign_in.failed", "user:anna")]
    assert "hunter2" not in str(list(Event.objects.values()))


def test_a_name_nobody_has_is_not_written_down(client: Client, person: User) -> None:
    sign_in(client, "my-password-in-the-wrong-field", "x")
    assert actions() == [("sign_in.failed", "anonymous")]
    assert "wrong-field" not in str(list(Event.objects.values()))


def test_too_many_failures_lock_and_the_lock_is_recorded(client: Client, person: User) -> None:
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = "127.0.0.1"
    for _ in range(10):
        authenticate(request, username="anna", password="wrong-password")
    assert actions().count(("sign_in.failed", "user:anna")) == 10
    assert ("sign_in.locked_out", "user:anna") in actions()
    sign_in(client, "anna", PASSWORD)
    assert ("sign_in.done", "user:anna") not in actions()

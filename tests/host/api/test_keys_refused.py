"""Keys that worked yesterday: 401 with the reason, on the long way and on the short one."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from loupe.accounts import keys
from loupe.accounts.models import ApiKey
from loupe.accounts.policy import SCOPES, SYSTEM
from tests.host.api.conftest import World

ADDRESSES = [
    ("GET", "/api/v1/jobs"),
    ("POST", "/api/v1/submissions?app=dummy_app"),
    ("POST", "/api/v1/dummy_app/measure"),
]


def ask(client: Client, method: str, path: str, raw: str) -> Any:
    return client.generic(
        method,
        path,
        b'{"value": 3}',
        content_type="application/octet-stream",
        HTTP_AUTHORIZATION=f"Api-Key {raw}",
    )


def refused(answer: Any, code: str) -> bool:
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == "Api-Key"
    return (answer.status_code, answer.json()["code"]) == (401, code)


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_an_expired_key_is_refused_and_says_when_it_ended(
    client: Client, world: World, method: str, path: str
) -> None:
    start = timezone.now()
    with time_machine.travel(start) as clock:
        end = start + timedelta(minutes=1)
        raw = keys.create(SYSTEM, world.project, "short", SCOPES, end)[1]
        assert ask(client, "GET", "/api/v1/jobs", raw).status_code == 200
        clock.shift(61)
        answer = ask(client, method, path, raw)
    assert refused(answer, "key_expired")
    assert "expired at" in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_a_revoked_key_is_refused_at_once(
    client: Client, world: World, method: str, path: str
) -> None:
    raw = world.key()
    assert ask(client, "GET", "/api/v1/jobs", raw).status_code == 200
    row = ApiKey.objects.get(project=world.project)
    keys.revoke(SYSTEM, world.project, row.prefix)
    assert refused(ask(client, method, path, raw), "key_revoked")


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_an_unknown_key_is_refused(client: Client, world: World, method: str, path: str) -> None:
    raw = world.key()
    wrong = raw[:-1] + ("a" if raw[-1] != "a" else "b")
    assert refused(ask(client, method, path, wrong), "key_unknown")

"""Every endpoint × role × key scope, generated from the resolver: a new address without a policy,
or without a row to try it on, fails here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from loupe.accounts.models import Role
from loupe.accounts.policy import LOWEST_ROLE, SCOPES, Action
from loupe.api.permissions import Public
from tests.host.api.conftest import World

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
RANK = list(Role)


@dataclass(frozen=True)
class Address:
    """One method of one address below /api/v1/, and what its policy asks for."""

    method: str
    route: str
    arguments: tuple[str, ...]
    action: Action | Public | None
    view: type

    def path(self, world: World) -> str:
        """The address with a world's ids."""
        path = "/" + self.route
        for name in self.arguments:
            for converter in ("uuid", "int"):
                path = path.replace(f"<{converter}:{name}>", str(world.ids[name]))
        return path

    def __str__(self) -> str:
        return f"{self.method} /{self.route}"


def addresses() -> list[Address]:
    """Every method of every endpoint the host serves below /api/v1/."""
    found = []
    for route, pattern in _patterns(get_resolver().url_patterns, ""):
        view = getattr(pattern.callback, "cls", None)
        module = getattr(pattern.callback, "__module__", "")
        if not route.startswith("api/v1/") or view is None or pattern.name == "nowhere":
            continue
        if not view.__module__.startswith(("loupe.", "drf_spectacular.")):
            continue
        for method in METHODS:
            if hasattr(view, method.lower()):
                policy = getattr(view, "policy", {})
                arguments = tuple(pattern.pattern.converters)
                found.append(Address(method, route, arguments, policy.get(method), view))
        assert module
    return found


def _patterns(
    patterns: list[URLPattern | URLResolver], before: str
) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, route)
        else:
            yield route, pattern


ALL = addresses()
GUARDED = [address for address in ALL if isinstance(address.action, Action)]


def ask(client: Client, address: Address, path: str, key: str | None = None) -> int:
    """The status of a call with an empty body."""
    extra: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {key}"} if key else {}
    response = client.generic(address.method, path, "{}", content_type="application/json", **extra)
    if response.streaming:
        b"".join(cast(StreamingHttpResponse, response))
    return int(response.status_code)


def test_there_are_addresses_of_every_kind() -> None:
    text = " ".join(map(str, ALL))
    for part in ("submissions", "jobs", "results", "models", "schedules", "webhooks", "changes"):
        assert f"/api/v1/{part}" in text
    assert len(GUARDED) >= 30


@pytest.mark.parametrize("address", ALL, ids=str)
def test_every_method_declares_a_policy(address: Address) -> None:
    assert address.action is not None, f"{address} has no policy."


@pytest.mark.parametrize("address", ALL, ids=str)
def test_every_post_honours_idempotency_keys(address: Address) -> None:
    if address.method == "POST" and "drf_spectacular" not in address.view.__module__:
        assert getattr(vars(address.view)["post"], "idempotent", False), str(address)


@pytest.mark.parametrize("address", GUARDED, ids=str)
def test_nobody_gets_nothing(address: Address, client: Client, world: World) -> None:
    assert ask(client, address, address.path(world)) == 401


@pytest.mark.parametrize("address", GUARDED, ids=str)
def test_rows_of_another_project_do_not_exist(
    address: Address, client: Client, world: World, make_world: Callable[[str], World]
) -> None:
    theirs = make_world("theirs")
    path = address.path(theirs)
    if not address.arguments:
        path += "?project=theirs"
    # No key has the scope of what only people may do.
    scoped = isinstance(address.action, Action) and address.action.value in SCOPES
    assert ask(client, address, path, world.key()) == (404 if scoped else 403)
    for role in RANK:
        client.force_login(world.person(role))
        assert ask(client, address, path) == 404, role


@pytest.mark.parametrize("address", GUARDED, ids=str)
def test_a_key_needs_exactly_the_scope(address: Address, client: Client, world: World) -> None:
    assert isinstance(address.action, Action)
    others = sorted(SCOPES - {address.action.value})
    assert ask(client, address, address.path(world), world.key(*others)) == 403
    if address.action.value in SCOPES:
        allowed = ask(client, address, address.path(world), world.key(address.action.value))
        assert allowed not in {401, 403}, f"{address} answered {allowed}"


@pytest.mark.parametrize("address", GUARDED, ids=str)
def test_roles_below_are_refused_and_the_others_served(
    address: Address, client: Client, world: World
) -> None:
    assert isinstance(address.action, Action)
    lowest = RANK.index(LOWEST_ROLE[address.action])
    for rank, role in enumerate(RANK[: lowest + 1]):
        client.force_login(world.person(role))
        status = ask(client, address, address.path(world))
        if rank < lowest:
            assert status == 403, role
        else:
            assert status not in {401, 403, 500}, f"{role}: {status}"


@pytest.mark.parametrize("address", GUARDED, ids=str)
def test_no_endpoint_breaks_on_an_empty_body(
    address: Address, client: Client, world: World
) -> None:
    assert ask(client, address, address.path(world), world.key()) != 500

"""API keys: what is checked when they are made, and what opens the door afterwards."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loupe.accounts import keys
from loupe.accounts.errors import Denied, Invalid, KeyRefused, NotVisible
from loupe.accounts.key_cache import KeyCache
from loupe.accounts.models import ApiKey, Project, Role
from loupe.accounts.policy import Actor
from loupe.audit.models import Event


def make(admin: Actor, project: Project, **given: object) -> tuple[ApiKey, str]:
    wanted = {"name": "MES", "scopes": ["submit", "view"], "expires": "never"} | given
    return keys.create(admin, project, **wanted)  # type: ignore[arg-type]


def test_a_key_opens_its_project_with_its_scopes(admin: Actor, project: Project) -> None:
    key, raw = make(admin, project)
    found = keys.authenticate(raw)
    assert (found.pk, found.project, found.scopes) == (key.pk, project, ["submit", "view"])


def test_the_raw_key_is_stored_nowhere(admin: Actor, project: Project) -> None:
    key, raw = make(admin, project)
    secret = raw.partition(".")[2]
    key.refresh_from_db()
    assert secret not in str(vars(key))
    assert secret not in str(list(Event.objects.values()))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"scopes": []}, "scope_unknown"),
        ({"scopes": ["view", "review"]}, "scope_unknown"),
        ({"scopes": ["everything"]}, "scope_unknown"),
        ({"name": " "}, "name_invalid"),
        ({"name": "x" * 51}, "name_invalid"),
        ({"expires": timezone.now() - timedelta(seconds=1)}, "expiry_past"),
    ],
)
def test_a_key_that_is_not_allowed_is_not_made(
    given: dict[str, object], code: str, admin: Actor, project: Project
) -> None:
    with pytest.raises(Invalid) as caught:
        make(admin, project, **given)
    assert caught.value.code == code
    assert not ApiKey.objects.exists()


def test_only_administrators_make_and_revoke_keys(
    people: dict[Role, Actor], admin: Actor, project: Project
) -> None:
    key, _ = make(admin, project)
    for role in set(Role) - {Role.ADMIN}:
        with pytest.raises(Denied):
            make(people[role], project)
        with pytest.raises(Denied):
            keys.revoke(people[role], project, key.prefix)
        with pytest.raises(Denied):
            keys.listing(people[role], project)


@pytest.mark.parametrize("raw", ["", ".", "abc", "a" * 8 + "." + "b" * 32, "\x00", "é" * 300])
@pytest.mark.django_db
def test_a_wrong_key_is_refused(raw: str) -> None:
    with pytest.raises(KeyRefused, match="not known") as caught:
        keys.authenticate(raw)
    assert caught.value.code == "key_unknown"


def test_the_right_prefix_with_a_wrong_secret_is_refused(admin: Actor, project: Project) -> None:
    _, raw = make(admin, project)
    with pytest.raises(KeyRefused, match="not known"):
        keys.authenticate(raw[:-1] + ("a" if raw[-1] != "a" else "b"))


def test_a_revoked_key_is_refused_at_once(admin: Actor, project: Project) -> None:
    key, raw = make(admin, project)
    keys.authenticate(raw)
    keys.revoke(admin, project, key.prefix)
    with pytest.raises(KeyRefused, match="was revoked") as caught:
        keys.authenticate(raw)
    assert caught.value.code == "key_revoked"


def test_a_key_revoked_by_another_process_is_refused_within_seconds(
    admin: Actor, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, raw = make(admin, project)
    keys.authenticate(raw)
    ApiKey.objects.filter(pk=key.pk).update(revoked=True)
    with time_machine.travel(0, tick=False):
        assert keys.authenticate(raw).pk == key.pk
    monkeypatch.setattr(keys, "_cache", KeyCache(ttl_s=-1, size=8))
    with pytest.raises(KeyRefused):
        keys.authenticate(raw)


def test_a_key_expires_although_it_was_remembered(admin: Actor, project: Project) -> None:
    start = timezone.now()
    with time_machine.travel(start) as clock:
        _, raw = make(admin, project, expires=start + timedelta(seconds=2))
        keys.authenticate(raw)
        clock.shift(3)
        with pytest.raises(KeyRefused, match="expired at") as caught:
            keys.authenticate(raw)
    assert caught.value.code == "key_expired"


def test_a_remembered_key_costs_no_query(admin: Actor, project: Project) -> None:
    _, raw = make(admin, project)
    keys.authenticate(raw)
    with CaptureQueriesContext(connection) as queries:
        assert keys.authenticate(raw).project == project
        assert keys.remembered(raw) is not None
        assert keys.remembered(raw + "x") is None
    assert len(queries) == 0


def test_use_is_written_at_most_once_a_minute(admin: Actor, project: Project) -> None:
    key, raw = make(admin, project)
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        for _ in range(3):
            keys.forget_all()
            keys.authenticate(raw)
            clock.shift(20)
        key.refresh_from_db()
        assert key.last_used_at == start
        clock.shift(10)
        keys.forget_all()
        keys.authenticate(raw)
        key.refresh_from_db()
        assert key.last_used_at == start + timedelta(seconds=70)


def test_a_key_of_another_project_cannot_be_revoked_or_listed(
    admin: Actor, project: Project, other_project: Project
) -> None:
    from_elsewhere, _ = ApiKey.objects.create_key(project=other_project, name="x", scopes=["view"])
    with pytest.raises(NotVisible):
        keys.revoke(admin, project, from_elsewhere.prefix)
    assert list(keys.listing(admin, project)) == []


def test_making_and_revoking_a_key_is_in_the_audit_log(admin: Actor, project: Project) -> None:
    key, _ = make(admin, project)
    keys.revoke(admin, project, key.prefix)
    keys.revoke(admin, project, key.prefix)
    told = list(Event.objects.values_list("action", "actor", "subject"))
    who, what = "user:admin-person", f"key:{key.prefix}"
    assert told == [("key.created", who, what), ("key.revoked", who, what)]


def test_the_cache_forgets_the_oldest_when_it_is_full() -> None:
    cache = KeyCache(ttl_s=60, size=2)
    for raw in ("a", "b", "c"):
        cache.put(raw, ApiKey(id=raw))
    assert cache.get("a") is None
    assert cache.get("b") is not None
    assert cache.get("c") is not None

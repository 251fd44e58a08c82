"""Every action × role × scope gets the answer of the one table, and nothing else."""

import itertools

import pytest
from django.contrib.auth.models import AnonymousUser, User

from loupe.accounts import policy
from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import ApiKey, Membership, Project, Role
from loupe.accounts.policy import SCOPES, SYSTEM, Action, Actor

RANK = ["viewer", "operator", "reviewer", "engineer", "admin"]
# Written out by hand: the oracle must not be the table it checks.
ALLOWED_FROM = {
    "view": "viewer",
    "export": "viewer",
    "submit": "operator",
    "cancel": "operator",
    "review": "reviewer",
    "label": "reviewer",
    "manage_cases": "reviewer",
    "manage_datasets": "engineer",
    "train": "engineer",
    "manage_models": "engineer",
    "manage_schedules": "engineer",
    "manage_webhooks": "admin",
    "manage_keys": "admin",
    "manage_members": "admin",
    "read_audit": "admin",
}


def test_every_action_is_in_the_table() -> None:
    assert {action.value for action in Action} == set(ALLOWED_FROM)


@pytest.mark.parametrize(("action", "role"), list(itertools.product(Action, Role)))
def test_a_role_may_do_what_its_rank_covers(
    action: Action, role: Role, project: Project, people: dict[Role, Actor]
) -> None:
    expected = RANK.index(role.value) >= RANK.index(ALLOWED_FROM[action.value])
    assert policy.can(people[role], action, project) is expected
    if expected:
        policy.require(people[role], action, project)
    else:
        with pytest.raises(Denied, match=ALLOWED_FROM[action.value]):
            policy.require(people[role], action, project)


@pytest.mark.parametrize(("action", "role"), list(itertools.product(Action, Role)))
def test_no_role_reaches_another_project(
    action: Action, role: Role, other_project: Project, people: dict[Role, Actor]
) -> None:
    assert not policy.can(people[role], action, other_project)
    with pytest.raises(NotVisible, match="line-4"):
        policy.require(people[role], action, other_project)


@pytest.mark.parametrize(("action", "scope"), list(itertools.product(Action, sorted(SCOPES))))
def test_a_key_may_do_exactly_its_scopes_in_its_project(
    action: Action, scope: str, project: Project, other_project: Project
) -> None:
    key = Actor(key=ApiKey(project=project, scopes=[scope], prefix="abc"))
    assert policy.can(key, action, project) is (action.value == scope)
    assert not policy.can(key, action, other_project)
    with pytest.raises(NotVisible):
        policy.require(key, action, other_project)
    if action.value != scope:
        with pytest.raises(Denied, match=f"lacks the scope '{action.value}'") as caught:
            policy.require(key, action, project)
        assert caught.value.code == "scope_missing"


def test_no_scope_lets_a_key_review_or_make_keys_or_members() -> None:
    assert not SCOPES & {"review", "label", "manage_keys", "manage_members"}
    assert {action.value for action in Action} >= SCOPES


def test_visible_rows_are_those_of_the_actors_projects(
    project: Project, other_project: Project, people: dict[Role, Actor]
) -> None:
    rows = Membership.objects.all()
    stranger = Actor(user=User.objects.create_user("stranger"))
    key = Actor(key=ApiKey(project=other_project, scopes=["view"]))
    assert policy.visible(rows, people[Role.VIEWER]).count() == len(Role)
    assert policy.visible(rows, stranger).count() == 0
    assert policy.visible(rows, key).count() == 0
    assert policy.visible(rows, SYSTEM).count() == len(Role)
    assert [one.slug for one in policy.projects(people[Role.VIEWER])] == ["line-3"]


@pytest.mark.parametrize("superuser", [False, True])
def test_a_person_who_was_switched_off_may_do_nothing(
    superuser: bool, project: Project, people: dict[Role, Actor]
) -> None:
    user = people[Role.ADMIN].user
    assert user is not None
    user.is_active, user.is_superuser = False, superuser
    user.save()
    assert not any(policy.can(people[Role.ADMIN], action, project) for action in Action)
    assert not policy.projects(people[Role.ADMIN]).exists()
    assert not policy.visible(Membership.objects.all(), people[Role.ADMIN]).exists()


def test_an_operator_of_the_installation_sees_every_project(
    project: Project, other_project: Project
) -> None:
    root = Actor(user=User.objects.create_superuser("root"))
    assert policy.projects(root).count() == 2
    assert all(policy.can(root, action, other_project) for action in Action)


def test_nobody_acts_without_signing_in() -> None:
    with pytest.raises(Denied, match="Sign in") as caught:
        Actor.of(AnonymousUser())
    assert caught.value.code == "not_signed_in"

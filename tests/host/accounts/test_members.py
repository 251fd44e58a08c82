"""Who belongs to a project, and that somebody always can let others in."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection

from loupe.accounts import members, projects
from loupe.accounts.errors import Denied, Invalid, LastAdmin, NotVisible
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.audit.models import Event


def test_a_member_is_added_changed_and_removed_with_audit_events(
    admin: Actor, project: Project
) -> None:
    User.objects.create_user("nora")
    members.put(admin, project, "nora", "viewer")
    members.put(admin, project, "nora", "engineer")
    members.put(admin, project, "nora", "engineer")
    members.remove(admin, project, "nora")
    assert not Membership.objects.filter(user__username="nora").exists()
    actions = list(Event.objects.values_list("action", flat=True))
    assert actions == ["member.added", "member.changed", "member.removed"]


def test_the_last_administrator_stays(admin: Actor, project: Project) -> None:
    with pytest.raises(LastAdmin, match="admin-person is the only administrator"):
        members.remove(admin, project, "admin-person")
    with pytest.raises(LastAdmin):
        members.put(admin, project, "admin-person", "viewer")
    assert Membership.objects.get(user=admin.user).role == Role.ADMIN


def test_an_administrator_who_cannot_sign_in_does_not_count(admin: Actor, project: Project) -> None:
    asleep = User.objects.create_user("asleep", is_active=False)
    Membership.objects.create(project=project, user=asleep, role=Role.ADMIN)
    with pytest.raises(LastAdmin):
        members.remove(admin, project, "admin-person")


def test_an_administrator_may_leave_to_another(admin: Actor, project: Project) -> None:
    User.objects.create_user("nora")
    members.put(admin, project, "nora", "admin")
    members.remove(admin, project, "admin-person")
    assert not Membership.objects.filter(user=admin.user).exists()


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_remove_each_other_leave_one() -> None:
    project = Project.objects.create(slug="line-3", name="Line 3")
    for name in ("anna", "bert"):
        user = User.objects.create_user(name)
        Membership.objects.create(project=project, user=user, role=Role.ADMIN)
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def leave(name: str) -> None:
        start.wait()
        try:
            members.remove(SYSTEM, project, name)
            outcomes.append("left")
        except LastAdmin:
            outcomes.append("stayed")
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=(name,)) for name in ("anna", "bert")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["left", "stayed"]
    assert Membership.objects.filter(project=project, role=Role.ADMIN).count() == 1


@pytest.mark.parametrize(
    ("name", "role", "code"),
    [("nobody", "viewer", "user_unknown"), ("admin-person", "owner", "role_unknown")],
)
def test_unknown_people_and_roles_are_refused(
    name: str, role: str, code: str, admin: Actor, project: Project
) -> None:
    with pytest.raises(Invalid) as caught:
        members.put(admin, project, name, role)
    assert caught.value.code == code


def test_only_administrators_manage_members(people: dict[Role, Actor], project: Project) -> None:
    for role in set(Role) - {Role.ADMIN}:
        with pytest.raises(Denied):
            members.put(people[role], project, "admin-person", "admin")
        with pytest.raises(Denied):
            members.remove(people[role], project, "admin-person")
        with pytest.raises(Denied):
            members.listing(people[role], project)


def test_who_is_no_member_cannot_be_removed(admin: Actor, project: Project) -> None:
    with pytest.raises(NotVisible, match="'nora' is no member"):
        members.remove(admin, project, "nora")


def test_a_project_made_by_a_person_has_them_as_administrator(db: None) -> None:
    root = Actor(user=User.objects.create_superuser("root"))
    made = projects.create(root, "line-9", "Line 9", "Asia/Shanghai")
    assert Membership.objects.get(project=made).role == Role.ADMIN
    assert Event.objects.get().action == "project.created"


def test_members_make_no_projects(admin: Actor) -> None:
    with pytest.raises(Denied):
        projects.create(admin, "line-9", "Line 9")


@pytest.mark.parametrize(
    ("slug", "name", "zone", "code"),
    [
        ("Line 9", "x", "UTC", "slug_invalid"),
        ("", "x", "UTC", "slug_invalid"),
        ("line-3", "x", "UTC", "slug_taken"),
        ("line-9", " ", "UTC", "name_invalid"),
        ("line-9", "x", "Mars/Base", "time_zone_unknown"),
    ],
)
def test_a_project_that_is_not_allowed_is_not_made(
    slug: str, name: str, zone: str, code: str, project: Project
) -> None:
    with pytest.raises(Invalid) as caught:
        projects.create(SYSTEM, slug, name, zone)
    assert caught.value.code == code
    assert Project.objects.count() == 1


def test_a_project_is_described_anew_with_before_and_after_in_the_log(
    admin: Actor, project: Project
) -> None:
    projects.describe(admin, project, name="Line 3b", time_zone="Europe/Berlin", second_person=True)
    event = Event.objects.get()
    assert event.action == "settings.changed"
    assert event.details["before"] == {
        "name": "Line 3",
        "time_zone": "UTC",
        "second_person": False,
    }
    assert event.details["after"] == {
        "name": "Line 3b",
        "time_zone": "Europe/Berlin",
        "second_person": True,
    }

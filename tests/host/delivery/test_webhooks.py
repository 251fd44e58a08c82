"""Who may make webhooks, what is checked, and what the log keeps."""

from ipaddress import ip_network

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.delivery.errors import AddressRefused, WebhookInvalid
from loupe.delivery.models import Webhook
from loupe.delivery.services import create, delete, find, listing, rotate_secret, update

URL = "http://127.0.0.1:8765/hook"


@pytest.fixture(autouse=True)
def _allowed(settings: Settings) -> None:
    settings.WEBHOOK_ALLOW = [ip_network("127.0.0.1/32")]


def test_the_secret_is_long_new_each_time_and_not_in_the_log(
    admin: Actor, project: Project
) -> None:
    secrets = [create(admin, project, URL)[1] for _ in range(3)]
    assert len(set(secrets)) == 3
    assert all(len(secret) > 40 for secret in secrets)
    secrets.append(rotate_secret(admin, Webhook.objects.all()[0]))
    logged = str(list(Event.objects.values()))
    assert not any(secret in logged for secret in secrets)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_administrators_manage_webhooks(role: Role, admin: Actor, project: Project) -> None:
    webhook, _ = create(admin, project, URL)
    user = User.objects.create_user("bert")
    Membership.objects.create(project=project, user=user, role=role)
    bert = Actor(user=user)
    for attempt in (
        lambda: create(bert, project, URL),
        lambda: update(bert, webhook, enabled=False),
        lambda: delete(bert, webhook),
        lambda: rotate_secret(bert, webhook),
        lambda: find(bert, webhook.pk),
        lambda: listing(bert, project),
    ):
        with pytest.raises(Denied):
            attempt()


def test_webhooks_of_another_project_do_not_exist(admin: Actor, project: Project) -> None:
    other = Project.objects.create(slug="line-4", name="Line 4")
    theirs = Webhook.objects.create(project=other, url=URL, secret="x")
    with pytest.raises(NotVisible):
        find(admin, theirs.pk)
    with pytest.raises(NotVisible):
        delete(admin, theirs)
    assert not listing(admin, project).exists()


def test_a_private_address_is_refused_when_made_and_when_changed(
    admin: Actor, project: Project
) -> None:
    with pytest.raises(AddressRefused):
        create(admin, project, "http://10.0.0.5/")
    webhook, _ = create(admin, project, URL)
    with pytest.raises(AddressRefused):
        update(admin, webhook, url="http://169.254.169.254/latest/meta-data")
    webhook.refresh_from_db()
    assert webhook.url == URL


def test_unknown_kinds_are_refused_with_the_known_ones(admin: Actor, project: Project) -> None:
    with pytest.raises(WebhookInvalid, match=r"'job\.exploded'.*job\.done"):
        create(admin, project, URL, ["job.exploded", "job.done"])


def test_every_verb_is_in_the_audit_log(admin: Actor, project: Project) -> None:
    webhook, _ = create(admin, project, URL, ["job.done"])
    update(admin, webhook, kinds=[], enabled=False)
    rotate_secret(admin, webhook)
    delete(admin, webhook)
    events = list(Event.objects.order_by("pk").values_list("action", flat=True))
    assert events == [
        "webhook.created",
        "webhook.changed",
        "webhook.secret_rotated",
        "webhook.deleted",
    ]
    changed = Event.objects.get(action="webhook.changed").details
    assert changed["before"] == {"url": URL, "kinds": ["job.done"], "enabled": True}
    assert changed["after"] == {"url": URL, "kinds": [], "enabled": False}

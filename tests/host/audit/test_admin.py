"""Operators read in the admin what services wrote, and change none of it there."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from loupe.accounts import keys
from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.audit.admin import ReadOnlyAdmin
from loupe.audit.models import Event
from loupe.delivery.models import Webhook

LABELS = ("accounts", "audit", "changes", "delivery", "review", "schedules")
MODELS = [
    model
    for label in LABELS
    for model in apps.get_app_config(label).get_models()
    if admin.site.is_registered(model)
]


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def page(model: type[Model], verb: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{verb}", args=arguments)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_the_list_is_shown_and_nothing_can_be_added(model: type[Model], operator: Client) -> None:
    assert operator.get(page(model, "changelist")).status_code == 200
    assert operator.get(page(model, "add")).status_code == 403
    assert isinstance(admin.site.get_model_admin(model), ReadOnlyAdmin)


def test_a_row_is_shown_and_can_be_neither_changed_nor_deleted(operator: Client) -> None:
    event = Event.objects.get(action="sign_in.done")
    assert operator.get(page(Event, "change", event.pk)).status_code == 200
    assert operator.post(page(Event, "change", event.pk), {"actor": "x"}).status_code == 403
    assert operator.post(page(Event, "delete", event.pk), {"post": "yes"}).status_code == 403
    assert Event.objects.filter(pk=event.pk, actor="user:root").exists()


def test_secrets_are_not_shown(operator: Client) -> None:
    project = Project.objects.create(slug="line-3", name="Line 3")
    hook = Webhook.objects.create(
        project=project, url="https://mes.example/", secret="whsec_find-me"
    )
    shown = operator.get(page(Webhook, "change", hook.pk)).content.decode()
    assert "mes.example" in shown
    assert "find-me" not in shown
    key, _ = keys.create(SYSTEM, project, "MES", ["view"], "never")
    shown = operator.get(page(type(key), "change", key.pk)).content.decode()
    assert key.prefix in shown
    assert key.hashed_key not in shown.replace(key.pk, "")

"""Every page × every role: what a role does not cover is refused, other projects do not exist."""

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from loupe.accounts.models import Role
from loupe.accounts.policy import LOWEST_ROLE, Action
from loupe.console import urls
from loupe.testing import factories
from tests.host.console.conftest import APP, House

READ = {
    "home": Action.VIEW,
    "activity": Action.VIEW,
    "search": Action.VIEW,
    "workspace": Action.VIEW,
    "results": Action.VIEW,
    "result": Action.VIEW,
    "matching": Action.REVIEW,
    "raw": Action.VIEW,
    "jobs": Action.VIEW,
    "job": Action.VIEW,
    "job_live": Action.VIEW,
    "datasets": Action.VIEW,
    "models": Action.VIEW,
    "model": Action.VIEW,
    "trainings": Action.VIEW,
    "training_new": Action.TRAIN,
    "schedules": Action.VIEW,
    "settings": Action.VIEW,
    "export": Action.EXPORT,
    "drawing": Action.EXPORT,
    "dataset_new": Action.MANAGE_DATASETS,
    "model_upload": Action.MANAGE_MODELS,
    "schedule_new": Action.MANAGE_SCHEDULES,
    "folders": Action.MANAGE_SCHEDULES,
    "sources": Action.MANAGE_SCHEDULES,
    "dead_letters": Action.MANAGE_WEBHOOKS,
    "members": Action.MANAGE_MEMBERS,
    "keys": Action.MANAGE_KEYS,
    "webhooks": Action.MANAGE_WEBHOOKS,
    "audit": Action.READ_AUDIT,
}
WRITE = {
    "upload": Action.SUBMIT,
    "bulk": Action.REVIEW,
    "bulk_undo": Action.REVIEW,
    "review": Action.REVIEW,
    "undo": Action.REVIEW,
    "job_cancel": Action.CANCEL,
    "job_resume": Action.SUBMIT,
    "job_retry": Action.SUBMIT,
    "member_remove": Action.MANAGE_MEMBERS,
    "key_revoke": Action.MANAGE_KEYS,
}
ELSEWHERE = {
    # Need a thing of their own; their own tests walk through them.
    "bulk_live",
    "bulk_cancel",
    "bulk_take_back",
    "picture",
    "tiles",
    "tile",
    "dataset",
    "dataset_arrange",
    "dataset_alike",
    "dataset_picture",
    "dataset_settings",
    "dataset_act",
    "dataset_add",
    "dataset_imports",
    "dataset_import",
    "dataset_import_live",
    "dataset_import_cancel",
    "dataset_versions",
    "dataset_version_new",
    "dataset_diff",
    "dataset_export",
    "label",
    "label_start",
    "label_record",
    "label_save",
    "label_skip",
    "label_here",
    "label_propose",
    "label_picture",
    "label_tiles",
    "label_tile",
    "source",
    "source_act",
    "dead_letters_act",
    "upload_forget",
    "model_point",
    "model_promote",
    "model_answer",
    "model_evaluate",
    "model_mistake",
    "model_retire",
    "training",
    "training_live",
    "training_cancel",
    "training_resume",
    "schedule",
    "schedule_edit",
    "schedule_act",
    "webhook",
    "webhook_act",
    "folder_act",
    "projects",
    "favicon",
}
ROLES = list(Role)


def address(house: House, name: str, project: str | None = None) -> str:
    slug = project or house.project.slug
    model_id = 0
    if name == "model":
        model_id = factories.model_version(house.project, APP).model_id
    known = {
        "project": slug,
        "app": APP,
        "result_id": house.result.pk,
        "job_id": house.job.pk,
        "key": "text" if name == "drawing" else "lines",
        "model_id": model_id,
        "prefix": "abcdefgh",
    }
    pattern = next(
        one for one in urls.urlpatterns if isinstance(one, URLPattern) and one.name == name
    )
    wanted = {key: known[key] for key in pattern.pattern.converters}
    return reverse(f"console:{name}", kwargs=wanted)


def test_every_page_is_in_this_table() -> None:
    names = {one.name for one in urls.urlpatterns if isinstance(one, URLPattern)}
    assert names == set(READ) | set(WRITE) | ELSEWHERE
    assert get_resolver().reverse_dict


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", sorted(READ))
def test_a_page_opens_for_the_roles_the_policy_names(house: House, name: str, role: Role) -> None:
    enough = ROLES.index(role) >= ROLES.index(LOWEST_ROLE[READ[name]])
    answer = house.client(role).get(address(house, name))
    assert answer.status_code == (200 if enough else 403)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", sorted(WRITE))
def test_a_deed_is_refused_to_roles_below_it(house: House, name: str, role: Role) -> None:
    enough = ROLES.index(role) >= ROLES.index(LOWEST_ROLE[WRITE[name]])
    answer = house.client(role).post(address(house, name))
    assert (answer.status_code != 403) == enough
    assert answer.status_code in ({302} if enough else {403})


@pytest.mark.parametrize("name", sorted({**READ, **WRITE}))
def test_a_project_of_others_does_not_exist(house: House, name: str) -> None:
    client = house.client("stranger")
    there = address(house, name)
    answer = client.post(there) if name in WRITE else client.get(there)
    assert answer.status_code == 404
    assert b"Lot 7" not in answer.content


@pytest.mark.parametrize("name", sorted({**READ, **WRITE}))
def test_nobody_gets_in_without_signing_in(house: House, name: str) -> None:
    there = address(house, name)
    answer = Client().post(there) if name in WRITE else Client().get(there)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("rest", ["", "raw.json", "picture/small", "export/text"])
def test_a_result_of_another_project_is_not_found_in_this_one(house: House, rest: str) -> None:
    assert house.client().get(house.app(f"results/{house.foreign.pk}/{rest}")).status_code == 404


def test_a_job_of_another_project_is_not_found_in_this_one(house: House) -> None:
    there = house.url(f"jobs/{house.foreign.job_id}/")
    assert house.client().get(there).status_code == 404


def test_search_finds_nothing_of_another_project(house: House) -> None:
    assert b"secret-part" not in house.client().get(house.url("search?q=secret")).content


def test_the_start_page_names_only_projects_one_belongs_to(house: House) -> None:
    house.people["admin"].is_superuser = False
    answer = house.client("admin").get("/", follow=True)
    assert b"Line 1" in answer.content
    assert b"Line 2" not in answer.content


def test_deeds_are_refused_without_a_token_of_the_page(house: House) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(house.people["admin"])
    assert client.post(house.url(f"jobs/{house.job.pk}/cancel")).status_code == 403

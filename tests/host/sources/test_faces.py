"""Sources by REST and by page: what they show, and what they never do."""

import json
from typing import Any

from django.test import Client

from loupe.accounts import keys
from loupe.accounts.models import Project, Role
from loupe.accounts.policy import SYSTEM
from loupe.sources.models import HttpSource
from loupe.testing import factories
from tests.host.sources.conftest import Camera

SECRET = "very-secret-word"


def rest(project: Project, method: str, path: str = "", body: Any = None) -> Any:
    key = keys.create(SYSTEM, project, "k", ["manage_schedules"], "never")[1]
    return Client().generic(
        method,
        f"/api/v1/sources{path}",
        "" if body is None else json.dumps(body),
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Api-Key {key}",
    )


def test_rest_makes_changes_tries_and_deletes(
    project: Project, camera: Camera, allowed: None
) -> None:
    order = {
        "app": "dummy_app", "name": "Cam", "url": camera.url, "username": "u", "password": SECRET,
    }  # fmt: skip
    made = rest(project, "POST", body=order)
    assert made.status_code == 201, made.content
    there = f"/{made.json()['id']}"
    assert made["Location"].endswith(there)
    assert made.json()["has_password"] is True
    changed = rest(project, "PATCH", there, {"interval_seconds": 60, "enabled": False})
    assert (changed.json()["interval_seconds"], changed.json()["next_at"]) == (60, None)
    assert rest(project, "POST", f"{there}/ask").json()["code"] == "source_invalid"
    tried = rest(project, "POST", f"{there}/test").json()
    assert (tried["size"], tried["usable"]) == (len(camera.body), True)
    camera.status = 500
    failed = rest(project, "POST", f"{there}/test")
    assert (failed.status_code, failed.json()["code"]) == (502, "source_failed")
    seen = rest(project, "GET").content + rest(project, "GET", there).content + made.content
    assert SECRET.encode() not in seen
    assert rest(project, "DELETE", there).status_code == 204
    assert rest(project, "GET", there).status_code == 404


def test_rest_says_which_field_is_wrong(project: Project) -> None:
    answer = rest(
        project, "POST", body={"app": "dummy_app", "name": "Cam", "url": "http://10.0.0.1/"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "source_address_refused")
    answer = rest(project, "POST", body={"name": "Cam", "adress": "x"})
    assert {error["field"] for error in answer.json()["errors"]} == {"app", "url", "adress"}


def test_pages_make_change_and_never_show_the_password(
    project: Project, camera: Camera, allowed: None
) -> None:
    client = Client()
    client.force_login(factories.person("engineer", project, Role.ENGINEER))
    form = {
        "name": "Cam 7", "url": camera.url, "app": "dummy_app", "interval_seconds": "5",
        "username": "anna", "password": SECRET, "model_name": "",
    }  # fmt: skip
    page = client.post("/p/line/settings/sources/", form, follow=True)
    source = HttpSource.objects.get()
    assert page.redirect_chain[-1][0].endswith(f"/{source.pk}/")
    form |= {"password": "", "interval_seconds": "9"}
    page = client.post(f"/p/line/settings/sources/{source.pk}/", form, follow=True)
    source.refresh_from_db()
    assert (source.interval_seconds, source.password) == (9, SECRET)
    tried = client.post(f"/p/line/settings/sources/{source.pk}/test", follow=True).content.decode()
    assert "It answered: application/json" in tried
    listed = client.get("/p/line/settings/sources/").content
    assert b"Cam 7" in listed
    assert SECRET.encode() not in listed + page.content + tried.encode()
    form["url"] = "http://10.1.2.3/"
    refused = client.post(f"/p/line/settings/sources/{source.pk}/", form).content.decode()
    assert "LOUPE_SOURCE_ALLOW" in refused
    client.post(f"/p/line/settings/sources/{source.pk}/delete")
    assert not HttpSource.objects.exists()

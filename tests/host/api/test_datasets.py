"""Datasets by REST: made, filled, imported, frozen, compared, exported."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any, cast

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import StreamingHttpResponse
from django.test import Client

from loupe.accounts.models import Role
from loupe.datasets.importing.work import work
from loupe.datasets.models import Import, Record
from tests.host.api.conftest import World

Call = Callable[..., Any]


@pytest.fixture
def key(world: World) -> str:
    return world.key()


def address(world: World, rest: str = "") -> str:
    return f"/api/v1/datasets/{world.ids['dataset_id']}{rest}"


def packed() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.json", json.dumps({"value": number + 0.5}))
        lines = [{"file": f"{n}.json", "scaled": 1.0 * n} for n in range(3)]
        lines.append({"file": "gone.json", "scaled": 1.0})
        archive.writestr("readings.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    return out.getvalue()


def test_a_dataset_is_made_listed_and_changed(world: World, key: str, call: Call) -> None:
    order = {"app": "dummy_app", "name": "second", "about": {"sizes": ["any", "big"]}}
    made = call(key, "POST", "/api/v1/datasets", order)
    assert made.status_code == 201
    assert made["Location"] == f"/api/v1/datasets/{made.json()['id']}"
    listed = call(key, "GET", "/api/v1/datasets").json()["datasets"]
    shown = {each["name"]: (each["records"], each["newest_version"]) for each in listed}
    assert (listed[0]["name"], shown["second"], shown["readings"]) == ("second", (0, None), (1, 1))
    changed = call(key, "PATCH", address(world), {"about": {"sizes": ["any", "x"]}})
    assert changed.json()["about"]["sizes"] == ["any", "x"]
    lossy = call(key, "PATCH", address(world), {"about": {"sizes": ["x"]}})
    assert (lossy.status_code, lossy.json()["code"]) == (422, "unknown_class")


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ({"app": "dummy_app", "name": "readings"}, 409, "name_in_use"),
        ({"app": "dummy_app", "name": "Bad Name"}, 400, "dataset_name"),
        ({"app": "nothing", "name": "a"}, 404, "unknown_app"),
        ({"app": "heavy_probe", "name": "a"}, 409, "no_labelling"),
        ({"app": "dummy_app", "name": "a", "about": {"x": 1}}, 400, "about_invalid"),
    ],
)
def test_what_cannot_be_is_refused_with_its_code(
    world: World, key: str, call: Call, order: dict[str, object], status: int, code: str
) -> None:
    answer = call(key, "POST", "/api/v1/datasets", order)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_archive_comes_in_and_its_problems_can_be_read(
    world: World, key: str, client: Client, call: Call
) -> None:
    headers = {"HTTP_AUTHORIZATION": f"Api-Key {key}"}
    file = SimpleUploadedFile("set.zip", packed())
    begun = client.post(address(world, "/imports"), {"file": file}, **headers)  # type: ignore[arg-type]
    assert begun.status_code == 202, begun.content
    there = begun["Location"]
    assert call(key, "GET", there).json()["state"] == "queued"
    work(Import.objects.get(pk=begun.json()["id"]).pk)
    done = call(key, "GET", there).json()
    assert (done["state"], done["counts"]["added"]) == ("done", 3)
    problems = call(key, "GET", f"{there}/problems").json()["problems"]
    assert [(each["code"], each["line"]) for each in problems] == [("file_missing", 4)]
    records = call(key, "GET", address(world, "/records?limit=2")).json()
    assert len(records["records"]) == 2
    rest = call(key, "GET", address(world, f"/records?cursor={records['next_cursor']}")).json()
    assert len(rest["records"]) == 2
    assert call(key, "POST", f"{there}/cancel").json()["code"] == "import_state"


def test_versions_are_made_compared_and_exported(
    world: World, key: str, client: Client, call: Call
) -> None:
    record = Record.objects.get(pk=cast(int, world.ids["record_id"]))
    client.force_login(world.person(Role.REVIEWER))
    there = f"/api/v1/records/{record.pk}"
    body = json.dumps({"labels": {"scaled": 5.0}, "expected_revision": 1})
    assert client.put(there, body, content_type="application/json").json()["revision"] == 2
    again = client.put(there, body, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (409, "label_conflict")
    made = call(key, "POST", address(world, "/versions"), {"note": "second", "seed": 3})
    assert (made.status_code, made.json()["number"]) == (201, 2)
    found = call(key, "GET", address(world, "/diff?from=1&to=2")).json()
    assert found["counts"]["relabelled"] == 1
    assert found["records"][0]["name"] == "a.json"
    assert call(key, "GET", address(world, "/diff?from=1&to=9")).status_code == 404
    answer = call(key, "GET", address(world, "/versions/2/export"))
    data = b"".join(cast(StreamingHttpResponse, answer))
    assert sorted(zipfile.ZipFile(io.BytesIO(data)).namelist()) == ["1.json", "readings.jsonl"]
    wrong = call(key, "GET", address(world, "/versions/2/export?layout=yaml"))
    assert wrong.json()["code"] == "layout_unknown"


def test_files_and_splits(world: World, key: str, client: Client, call: Call) -> None:
    headers = {"HTTP_AUTHORIZATION": f"Api-Key {key}"}
    file = SimpleUploadedFile("lot7_1.json", b'{"value": 3.0}')
    fields = {"file": file, "group_by": "before:_"}
    sent = client.post(address(world, "/records"), fields, **headers)  # type: ignore[arg-type]
    assert (sent.status_code, sent.json()["added"]) == (201, 1)
    added = Record.objects.get(name="lot7_1.json")
    assert added.group == "lot7"
    order = {"records": [added.pk], "split": "test"}
    assert call(key, "POST", address(world, "/arrange"), order).json() == {"changed": 1}
    listed = call(key, "GET", address(world, "/records?split=test")).json()["records"]
    assert [each["id"] for each in listed] == [added.pk]
    bad = call(key, "POST", address(world, "/arrange"), {"records": [added.pk]})
    assert bad.status_code == 400

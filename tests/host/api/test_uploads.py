"""Resumable uploads over HTTP: the tus protocol, and a web server killed in the middle."""

import base64
import hashlib
import io
import json
import socket
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.test import Client

from tests.host.api.conftest import World
from tests.host.api.server import http, new_key
from tests.processes import Site, running_site

TUS = {"Tus-Resumable": "1.0.0"}
PART = {**TUS, "Content-Type": "application/offset+octet-stream"}
READING = b'{"value": 7}'


def said(**words: str) -> str:
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in words.items()
    )


def headers(world: World, **more: str) -> dict[str, Any]:
    return {"HTTP_AUTHORIZATION": f"Api-Key {world.key()}", "headers": {**TUS, **more}}


def made(client: Client, world: World, **more: str) -> Any:
    return client.post(
        "/api/v1/uploads", **headers(world, **{"Upload-Length": str(len(READING))}, **more)
    )


def test_discovery_says_what_is_spoken(client: Client, world: World) -> None:
    answer = client.options("/api/v1/uploads", **headers(world))
    assert answer.status_code == 204
    assert answer["Tus-Version"] == "1.0.0"
    assert set(answer["Tus-Extension"].split(",")) == {
        "creation", "termination", "checksum", "expiration",
    }  # fmt: skip
    assert "sha1" in answer["Tus-Checksum-Algorithm"].split(",")
    assert int(answer["Tus-Max-Size"]) > 0


def test_making_says_where_the_parts_go_and_until_when(client: Client, world: World) -> None:
    metadata = said(filename="Los 7/teil.json", app="dummy_app")
    answer = made(client, world, **{"Upload-Metadata": metadata})
    assert answer.status_code == 201
    assert answer["Location"].startswith("http://testserver/api/v1/uploads/")
    assert "GMT" in answer["Upload-Expires"]
    body = answer.json()
    assert (body["name"], body["metadata"]) == ("Los 7/teil.json", {"app": "dummy_app"})
    listed = client.get("/api/v1/uploads", **headers(world)).json()["uploads"]
    assert body["id"] in {row["id"] for row in listed}


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2", "Upload-Length": "5"}, 412, "tus_version"),
        ({"Upload-Length": "-5"}, 400, "invalid"),
        ({"Upload-Length": "5e3"}, 400, "invalid"),
        ({}, 400, "invalid"),
        ({"Upload-Length": str(2**50)}, 413, "upload_too_large"),
        ({"Upload-Length": "5", "Upload-Metadata": "filename ???"}, 400, "invalid"),
        ({"Upload-Length": "5", "Upload-Metadata": "a YQ==,a YQ=="}, 400, "invalid"),
        ({"Upload-Length": "5", "Upload-Metadata": "filename AGEA"}, 400, "invalid"),
        ({"Upload-Length": "5", "Upload-Metadata": "a " + "A" * 9000}, 400, "invalid"),
    ],
)
def test_an_announcement_that_cannot_be_kept_is_refused(
    client: Client, world: World, sent: dict[str, str], status: int, code: str
) -> None:
    answer = client.post("/api/v1/uploads", **headers(world, **sent))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 412:
        assert answer["Tus-Version"] == "1.0.0"


def test_head_tells_where_to_go_on(client: Client, world: World) -> None:
    there = made(client, world)["Location"].removeprefix("http://testserver")
    answer = client.patch(
        there,
        READING[:5],
        content_type=PART["Content-Type"],
        **headers(world, **{"Upload-Offset": "0"}),
    )
    assert (answer.status_code, answer["Upload-Offset"]) == (204, "5")
    head = client.head(there, **headers(world))
    assert (head.status_code, head["Upload-Offset"], head["Upload-Length"]) == (200, "5", "12")
    assert head["Cache-Control"] == "no-store"
    assert head.content == b""
    assert client.head(there, HTTP_AUTHORIZATION=f"Api-Key {world.key()}").status_code == 412


@pytest.mark.parametrize(
    ("sent", "kind", "status", "code"),
    [
        ({"Upload-Offset": "3"}, None, 409, "offset_conflict"),
        ({}, None, 400, "invalid"),
        ({"Upload-Offset": "0"}, "application/json", 415, "unsupported_media_type"),
        ({"Upload-Offset": "0", "Upload-Checksum": "crc9 AAAA"}, None, 400, "checksum_unknown"),
        ({"Upload-Offset": "0", "Upload-Checksum": "sha1 AAAA"}, None, 400, "checksum_unknown"),
    ],
)
def test_a_part_that_does_not_fit_is_refused(
    client: Client, world: World, sent: dict[str, str], kind: str | None, status: int, code: str
) -> None:
    there = made(client, world)["Location"].removeprefix("http://testserver")
    answer = client.patch(
        there, READING, content_type=kind or PART["Content-Type"], **headers(world, **sent)
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_wrong_checksum_answers_460_and_keeps_nothing(client: Client, world: World) -> None:
    there = made(client, world)["Location"].removeprefix("http://testserver")
    wrong = "sha1 " + base64.b64encode(hashlib.sha1(b"other").digest()).decode()
    answer = client.patch(
        there,
        READING,
        content_type=PART["Content-Type"],
        **headers(world, **{"Upload-Offset": "0", "Upload-Checksum": wrong}),
    )
    assert (answer.status_code, answer.json()["code"]) == (460, "checksum_mismatch")
    assert client.head(there, **headers(world))["Upload-Offset"] == "0"


def test_a_deleted_upload_is_gone(client: Client, world: World) -> None:
    there = made(client, world)["Location"].removeprefix("http://testserver")
    assert client.delete(there, **headers(world)).status_code == 204
    for again in (client.head(there, **headers(world)), client.delete(there, **headers(world))):
        assert again.status_code == 410


def test_an_upload_beside_nothing_else_becomes_a_job(client: Client, world: World) -> None:
    there = made(client, world, **{"Upload-Metadata": said(filename="a.json")})["Location"]
    there = there.removeprefix("http://testserver")
    upload_id = there.rpartition("/")[2]
    unfinished = client.post(
        f"/api/v1/submissions?app=dummy_app&upload={upload_id}", **headers(world)
    )
    assert unfinished.json()["code"] == "upload_unfinished"
    client.patch(
        there,
        READING,
        content_type=PART["Content-Type"],
        **headers(world, **{"Upload-Offset": "0"}),
    )
    answer = client.post(
        f"/api/v1/submissions?app=dummy_app&upload={upload_id}",
        b"",
        content_type="application/octet-stream",
        **headers(world),
    )
    assert answer.status_code == 202, answer.content
    inputs = client.get(
        f"/api/v1/submissions/{answer.json()['submission']}", **headers(world)
    ).json()["inputs"]
    assert [one["name"] for one in inputs] == ["a.json"]
    again = client.post(
        f"/api/v1/submissions?app=dummy_app&upload={upload_id}",
        b"",
        content_type="application/octet-stream",
        **headers(world),
    )
    assert again.json()["code"] == "upload_gone"


def test_a_form_names_uploads_beside_its_files(client: Client, world: World) -> None:
    answer = client.post(
        "/api/v1/submissions", {"app": "dummy_app", "upload": "no-id"}, **headers(world)
    )
    assert answer.status_code == 400
    assert "no upload's id" in answer.json()["detail"]


# --- A real server ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    with running_site(parts=("broker", "engine", "web")) as running:
        yield running


def begun(client: httpx.Client, length: int, **words: str) -> str:
    answer = client.post(
        "/api/v1/uploads",
        headers={**TUS, "Upload-Length": str(length), "Upload-Metadata": said(**words)},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def open_part(web: Site, there: str, key: str, offset: int, length: int) -> socket.socket:
    """A PATCH whose body is still to come."""
    wire = socket.create_connection(("127.0.0.1", web.port), timeout=120)
    path = "/" + there.split("/", 3)[3]
    head = (
        f"PATCH {path} HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Api-Key {key}\n"
        f"Tus-Resumable: 1.0.0\nUpload-Offset: {offset}\nContent-Length: {length}\n"
        "Content-Type: application/offset+octet-stream\n\n"
    )
    wire.sendall(head.replace("\n", "\r\n").encode())
    return wire


def offset(client: httpx.Client, there: str) -> int:
    answer = client.head(there, headers=TUS)
    assert answer.status_code == 200, answer.status_code
    return int(answer.headers["Upload-Offset"])


def until(client: httpx.Client, there: str, least: int) -> int:
    """The offset once it is at least `least`."""
    end = time.monotonic() + 120
    while (found := offset(client, there)) < least and time.monotonic() < end:
        time.sleep(0.02)
    return found


def archive(count: int) -> bytes:
    """A tar of readings, about 10 kB each."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for number in range(count):
            reading = json.dumps({"value": number % 90}).encode().ljust(9_000)
            entry = tarfile.TarInfo(f"reading-{number:04d}.json")
            entry.size = len(reading)
            tar.addfile(entry, io.BytesIO(reading))
    return held.getvalue()


@pytest.mark.slow
@pytest.mark.serial
def test_a_web_server_killed_in_mid_part_goes_on_where_it_was(web: Site) -> None:
    key = new_key(web)
    data = archive(count=600)
    with http(web, key) as client:
        there = begun(client, len(data), filename="large.tar")
        wire = open_part(web, there, key, 0, len(data))
        wire.sendall(data[: 4 * 2**20])
        assert until(client, there, 2**20) >= 2**20
    web.restart("web")
    wire.close()
    web.wait_until_ready()
    with http(web, key) as client:
        there_now = offset(client, there)
        assert 2**20 <= there_now <= 4 * 2**20
        digest = base64.b64encode(hashlib.sha256(data[there_now:]).digest()).decode()
        answer = client.patch(
            there,
            content=data[there_now:],
            headers={
                **PART, "Upload-Offset": str(there_now), "Upload-Checksum": f"sha256 {digest}",
            },
        )  # fmt: skip
        assert answer.status_code == 204, answer.text
        assert answer.headers["Upload-Offset"] == str(len(data))
        job = client.post(
            "/api/v1/submissions", params={"app": "dummy_app", "upload": there.rpartition("/")[2]}
        )
        assert job.status_code == 202, job.text
        kept = client.get(f"/api/v1/submissions/{job.json()['submission']}").json()
        assert kept["inputs_total"] == 600
        assert not any(row["error_code"] for row in kept["inputs"])


@pytest.mark.slow
@pytest.mark.serial
def test_a_sender_that_comes_back_is_not_locked_out_by_its_old_connection(web: Site) -> None:
    key = new_key(web)
    data = b"x" * (3 * 2**20)
    with http(web, key) as client:
        there = begun(client, len(data), filename="a.json")
        stuck = open_part(web, there, key, 0, len(data))
        stuck.sendall(data[: 2 * 2**20])
        until(client, there, 2**20)
        # The old connection holds the lock and will never say another word.
        for _attempt in range(3):
            start = offset(client, there)
            answer = client.patch(
                there, content=data[start:], headers={**PART, "Upload-Offset": str(start)}
            )
            if answer.status_code == 204:
                break
            assert answer.json()["code"] == "offset_conflict"
        assert answer.status_code == 204
        stuck.close()


@pytest.mark.slow
@pytest.mark.serial
def test_a_closed_connection_keeps_what_came(web: Site) -> None:
    key = new_key(web)
    with http(web, key) as client:
        there = begun(client, 2**20, filename="a.json")
        wire = open_part(web, there, key, 0, 2**20)
        wire.sendall(b"x" * 70_000)
        wire.close()
        assert until(client, there, 70_000) == 70_000


@pytest.mark.slow
@pytest.mark.serial
def test_people_send_parts_with_session_and_token_only(web: Site) -> None:
    found = json.loads(
        web.python(
            "import django, json; django.setup()\n"
            "from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY\n"
            "from django.contrib.sessions.backends.db import SessionStore\n"
            "from loupe.accounts.models import Project, Role\n"
            "from loupe.testing import factories\n"
            "project = factories.project('people', 'People')\n"
            "user = factories.person('otto', project, Role.OPERATOR)\n"
            "session = SessionStore()\n"
            "session[SESSION_KEY] = str(user.pk)\n"
            "session[BACKEND_SESSION_KEY] = 'django.contrib.auth.backends.ModelBackend'\n"
            "session[HASH_SESSION_KEY] = user.get_session_auth_hash()\n"
            "session.create()\n"
            "print(json.dumps(session.session_key))"
        )
    )
    token = "a" * 32
    cookies = {"sessionid": found, "csrftoken": token}
    with httpx.Client(base_url=web.url, cookies=cookies) as client:
        answer = client.post(
            "/api/v1/uploads?project=people",
            headers={**TUS, "Upload-Length": "12", "X-CSRFToken": token},
        )
        assert answer.status_code == 201, answer.text
        there = answer.headers["Location"]
        part = {**PART, "Upload-Offset": "0"}
        without = client.patch(there, content=READING, headers=part)
        assert (without.status_code, without.json()["code"]) == (403, "csrf_failed")
        sent = client.patch(there, content=READING, headers={**part, "X-CSRFToken": token})
        assert sent.status_code == 204, sent.text
        nobody = httpx.patch(there, content=READING, headers=part)
        assert (nobody.status_code, nobody.json()["code"]) == (401, "not_authenticated")
        overridden = client.post(
            there, headers={**TUS, "X-HTTP-Method-Override": "HEAD", "X-CSRFToken": token}
        )
        assert overridden.headers["Upload-Offset"] == "12"

"""Requests generated from the OpenAPI document: whatever they say, no answer is a 500.

Derandomised and bounded, so that every run asks the same; with both kinds of authentication, with
and without the ids of rows that exist.
"""

import json
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.host.api.server import http, new_key
from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]

# Parts of uploads and streams of rows are plain bytes under names of their own.
for name in (
    "application/offset+octet-stream", "application/x-ndjson",
    "application/vnd.apache.arrow.stream",
):  # fmt: skip
    schemathesis.serializer.alias(name, "application/octet-stream")

SETTINGS = hypothesis.settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module")
def ids(site: Site) -> dict[str, object]:
    """One row of each kind, for the addresses that name one."""
    with http(site, new_key(site, "fuzz")) as client:
        answer = client.post("/api/v1/dummy_app/measure", content=b'{"value": 7}').json()
        order = {"app": "dummy_app", "task": "nightly", "name": "fuzz", "cron": "0 2 * * *"}
        schedule = client.post("/api/v1/schedules", json=order).json()
        models = client.get("/api/v1/models?app=dummy_app").json()["models"]
        return {
            "submission_id": answer["submission"],
            "job_id": answer["job"],
            "result_id": answer["result"],
            "schedule_id": schedule["id"],
            "model_id": models[0]["id"],
            "number": 1,
        }


@pytest.fixture(scope="module")
def by_key(site: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {new_key(site, 'fuzz')}"}


@pytest.fixture(scope="module")
def by_session(site: Site, by_key: dict[str, str]) -> dict[str, str]:
    """An administrator's session, as a browser sends it."""
    made = site.python(
        "import django, json; django.setup()\n"
        "from django.contrib.auth.models import User\n"
        "from django.test import Client\n"
        "from loupe.accounts.models import Membership, Project\n"
        "user, _ = User.objects.get_or_create(username='fuzz')\n"
        "project = Project.objects.get(slug='fuzz')\n"
        "Membership.objects.get_or_create(project=project, user=user, role='admin')\n"
        "client = Client(); client.force_login(user)\n"
        "print(json.dumps(client.cookies['sessionid'].value))"
    )
    token = "a" * 32
    cookies = f"sessionid={json.loads(made)}; csrftoken={token}"
    return {"Cookie": cookies, "X-CSRFToken": token}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("who", ["by_key", "by_session"])
def test_no_generated_request_breaks_the_server(
    site: Site,
    ids: dict[str, object],
    request: pytest.FixtureRequest,
    who: str,
    mode: GenerationMode,
) -> None:
    headers: dict[str, str] = request.getfixturevalue(who)
    schema = schemathesis.openapi.from_url(f"{site.url}/api/v1/openapi.json")
    broken: list[str] = []
    asked = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.method.upper() == "DELETE":
            continue  # the rows are needed by those that come after

        @SETTINGS
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
        def ask(case: Any, known: bool) -> None:
            nonlocal asked
            if known:
                named = {name: ids[name] for name in case.path_parameters if name in ids}
                case.path_parameters = {**case.path_parameters, **named}
            response = case.call(headers=headers, timeout=180)
            asked += 1
            # 503 is an honest answer (no engine in time); a 500 never is.
            if response.status_code in {500, 501, 502}:
                broken.append(f"{case.as_curl_command(headers)}\n{response.text[:300]}")

        ask()
    assert not broken, "\n".join(broken[:5])
    assert asked > 100

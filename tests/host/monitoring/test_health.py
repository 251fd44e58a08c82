"""What a load balancer, an operator and Prometheus are told."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from loupe.accounts.models import Project
from loupe.jobs.models import Item, ItemState, Job, JobState
from loupe.monitoring import checks, metrics
from loupe.monitoring.middleware import request_id
from loupe.testing.engine import running_engine
from tests.host.review.stored import stored_result

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_figures(settings: Settings, tmp_path: Path) -> None:
    metrics.PAGE.forget()
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    settings.SPOOL = tmp_path / "spool"
    settings.MIN_FREE_BYTES = 0


@pytest.fixture
def everything_there(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A real engine; a broker in memory."""
    monkeypatch.setattr(current_app.conf, "broker_write_url", "memory://")
    with running_engine() as engine:
        settings.ENGINE_SOCKET = engine.socket
        yield


def figures(client: Client, **headers: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and label values."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    found = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found[(sample.name, *sample.labels.values())] = sample.value
    return found


def test_health_asks_nothing_but_the_process(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-cache" in answer.headers["Cache-Control"]


@pytest.mark.usefixtures("everything_there")
def test_ready_when_everything_is_there(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["status"] == "ok"
    assert list(told["checks"]) == ["database", "migrations", "broker", "engine", "storage"]
    for check in told["checks"].values():
        assert check["ok"]
        assert check["ms"] >= 0


def test_not_ready_names_what_is_missing_and_no_settings(
    client: Client, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"redis+socket://{tmp_path / 'no-broker.sock'}"
    monkeypatch.setattr(current_app.conf, "broker_write_url", nowhere)
    settings.ENGINE_SOCKET = tmp_path / "no-engine.sock"
    settings.MIN_FREE_BYTES = 2**60
    answer = client.get("/readyz")
    assert answer.status_code == 503
    told = answer.json()
    missing = {name for name, check in told["checks"].items() if not check["ok"]}
    assert missing == {"broker", "engine", "storage"}
    text = json.dumps(told)
    assert str(tmp_path) not in text
    assert settings.SECRET_KEY not in text


def test_not_ready_while_migrations_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(self: MigrationExecutor, targets: Any, clean_start: bool = False) -> list[Any]:
        return [object(), object()]

    monkeypatch.setattr(MigrationExecutor, "migration_plan", plan)
    answer = checks.ask(checks.migrations)
    assert not answer.ok
    assert answer.message == "2 migrations are not applied: run `manage.py migrate`."


def test_metrics_count_what_is_in_the_database(client: Client) -> None:
    project = Project.objects.create(slug="line-3", name="Line 3")
    for outcome in ("high", "high", "low"):
        stored_result(project, outcome)
    job = stored_result(project).job
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING)
    Item.objects.create(job=job, position=1, state=ItemState.QUEUED)
    found = figures(client)
    assert found["loupe_jobs", "dummy_app", "done"] == 3
    assert found["loupe_jobs", "dummy_app", "running"] == 1
    assert found["loupe_items", "dummy_app", "queued"] == 1
    assert found["loupe_items", "dummy_app", "done"] == 1
    assert found["loupe_results", "dummy_app", "high"] == 3
    assert found["loupe_results", "dummy_app", "low"] == 1
    assert found[("loupe_queue_oldest_seconds",)] > 0
    assert found[("loupe_engine_up",)] == 0


@pytest.mark.usefixtures("everything_there")
def test_metrics_tell_the_engines_figures(client: Client) -> None:
    found = figures(client)
    assert found[("loupe_engine_up",)] == 1
    assert found[("loupe_engine_memory_bytes",)] > 1e6
    assert found["nv_inference_pending_request_count", "line"] == 0


def test_requests_are_timed_by_route_and_not_by_path(client: Client) -> None:
    before = figures(client).get(
        ("loupe_http_request_duration_seconds_count", "GET", "/healthz", "200"), 0
    )
    client.get("/healthz")
    client.get("/no/such/page/8f1c")
    found = figures(client)
    counted = found["loupe_http_request_duration_seconds_count", "GET", "/healthz", "200"]
    assert counted == before + 1
    assert not any("8f1c" in "".join(key) for key in found)


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.5", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("10.0.0.5", {"Authorization": "Bearer let-me-in"}, 200),
        ("10.0.0.5", {"Authorization": "Bearer let-me-out"}, 403),
        ("10.0.0.5", {"Authorization": "Bearer "}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "x", "Authorization": "Bearer let-me-in"}, 200),
    ],
)
def test_metrics_are_for_this_machine_or_the_token(
    address: str, headers: dict[str, str], status: int, client: Client, settings: Settings
) -> None:
    settings.METRICS_TOKEN = "let-me-in"
    answer = client.get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert answer.status_code == status


def test_without_a_token_no_bearer_opens_the_metrics(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    for given in ("Bearer ", "Bearer x", ""):
        answer = client.get("/metrics", headers={"Authorization": given}, REMOTE_ADDR="10.0.0.5")
        assert answer.status_code == 403


def test_every_answer_carries_a_request_id(client: Client) -> None:
    answer = client.get("/healthz")
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])
    answer = client.get("/healthz", headers={"X-Request-Id": "mes-2026-11-22.7"})
    assert answer.headers["X-Request-Id"] == "mes-2026-11-22.7"


@pytest.mark.parametrize(
    "given", [None, "", "short", "a b c d e f", "x" * 65, "a\nb\nc\nd\ne", "é" * 9]
)
def test_an_id_that_could_break_a_log_is_replaced(given: str | None) -> None:
    assert request_id(given) != given
    assert len(request_id(given)) == 32


def test_only_reading_is_answered(client: Client) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.post(path).status_code == 405

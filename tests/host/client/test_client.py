"""The typed client against the running server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loupe.api.shapes.schedules import ScheduleOrder
from loupe.api.shapes.work import ProgressShape
from loupe.client import (
    Conflict,
    InvalidRequest,
    JobFailed,
    Loupe,
    NotFound,
    Refused,
    Unauthenticated,
    Unreachable,
    parts,
)
from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]


def written(folder: Path, *values: object) -> list[Path]:
    paths = []
    for number, value in enumerate(values):
        path = folder / f"{number}.json"
        path.write_text(json.dumps({"value": value}))
        paths.append(path)
    return paths


def test_client_imports_no_django() -> None:
    code = (
        "import sys, loupe.client; "
        "sys.exit(any(name in sys.modules for name in ('django', 'numpy', 'celery')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_submitted_folder_becomes_results_in_its_structure(loupe: Loupe, tmp_path: Path) -> None:
    (tmp_path / "lot" / "left").mkdir(parents=True)
    written(tmp_path / "lot" / "left", 1, 7, 50)
    seen: list[ProgressShape] = []
    job = loupe.submit("dummy_app", [tmp_path / "lot"], name="night shift")
    detail = job.wait(seen.append, timeout_s=240)
    assert detail.name == "night shift"
    assert (detail.progress.done, detail.progress.failed) == (3, 0)
    assert seen[-1].ended
    results = {each.name: each for each in job.results()}
    assert set(results) == {f"lot/left/{number}.json" for number in range(3)}
    assert [results[f"lot/left/{n}.json"].outcome for n in range(3)] == ["low", "middle", "high"]
    assert [each.outcome for each in job.results(outcome="high")] == ["high"]


def test_job_with_a_bad_file_names_it_and_finishes_the_rest(loupe: Loupe, tmp_path: Path) -> None:
    job = loupe.submit("dummy_app", written(tmp_path, 1, "no number"))
    with pytest.raises(JobFailed, match=r"1\.json"):
        job.wait(timeout_s=240, check=True)
    assert job.detail.progress.done == 1
    failed = list(job.items(state="failed"))
    assert [each.name for each in failed] == ["1.json"]
    assert failed[0].error
    assert job.retry() == 1
    assert job.wait(timeout_s=240).progress.failed == 1


def test_a_cancelled_job_goes_on_and_ends_with_everything(loupe: Loupe, tmp_path: Path) -> None:
    # More than the workers can finish before the next call arrives.
    job = loupe.submit("dummy_app", written(tmp_path, *range(2000)))
    assert job.cancel().progress.state == "cancelled"
    left = job.detail.progress.cancelled
    assert left > 0
    assert job.resume() == left
    done = job.wait(timeout_s=240).progress
    assert (done.state, done.done, done.cancelled) == ("done", 2000, 0)
    assert len({each.name for each in job.results()}) == 2000
    with pytest.raises(Conflict, match="nothing_to_do"):
        job.resume()


def test_same_idempotency_key_submits_once(loupe: Loupe, tmp_path: Path) -> None:
    paths = written(tmp_path, 3)
    first = loupe.submit("dummy_app", paths, idempotency_key="once")
    again = loupe.submit("dummy_app", paths, idempotency_key="once")
    assert first.id == again.id


def test_inspect_answers_with_decision_versions_and_times(loupe: Loupe, tmp_path: Path) -> None:
    answer = loupe.app("dummy_app").inspect(written(tmp_path, 50)[0], verb="measure")
    assert (answer.outcome, answer.name, answer.fallback) == ("high", "0.json", "")
    assert answer.model is not None
    assert answer.model.name == "double"
    assert {"queue", "decide", "store", "total"} <= set(answer.times_ms)
    assert answer.result is not None
    stored = loupe.result(answer.result)
    assert (stored.outcome, stored.sha256) == (answer.outcome, answer.sha256)
    target = tmp_path / "input"
    loupe.save_input(answer.result, target)
    assert json.loads(target.read_text()) == {"value": 50}


def test_exports_are_written_as_the_app_declares_them(loupe: Loupe, tmp_path: Path) -> None:
    answer = loupe.app("dummy_app").inspect(b'{"value": 5}', verb="measure", name="five.json")
    assert answer.result is not None
    assert loupe.export_result(answer.result, "text", tmp_path / "one.txt") > 0
    assert loupe.export("dummy_app", "lines", tmp_path / "all.ndjson") > 0
    names = [json.loads(line)["name"] for line in (tmp_path / "all.ndjson").open()]
    assert "five.json" in names
    with pytest.raises(InvalidRequest, match="unknown_format"):
        loupe.export("dummy_app", "text", tmp_path / "list.txt")


def test_rows_keep_their_state_and_their_order(loupe: Loupe) -> None:
    probe = loupe.app("stateful_probe")
    first = probe.rows("score", [{"account": 70_011, "cents": 5}], idempotency_key="rows-1")
    again = probe.rows("score", [{"account": 70_011, "cents": 5}], idempotency_key="rows-1")
    assert [row.data for row in first.rows] == [row.data for row in again.rows]
    after = probe.rows("score", [{"account": 70_011, "cents": 6}, {"account": 70_012, "cents": 1}])
    totals = [row.data["total_cents"] for row in after.rows if row.data]
    assert totals == [11, 1]


def test_changes_can_be_followed_by_cursor(loupe: Loupe) -> None:
    cursor = [after for _, after in loupe.changes()][-1]
    answer = loupe.app("dummy_app").inspect(b'{"value": 6}', verb="measure")
    told = [change for change, _ in loupe.changes(cursor)]
    assert [(change.kind, change.subject) for change in told] == [
        ("result.decided", str(answer.result))
    ]


def test_models_schedules_and_webhooks_are_managed(loupe: Loupe) -> None:
    model = next(each for each in loupe.models.list(app="dummy_app") if each.name == "double")
    assert loupe.models.get(model.id).versions[0].stage == "production"
    point = loupe.models.set_operating_point(model.id, 1, {"low": 1, "high": 2}, "stricter")
    assert next(loupe.models.operating_points(model.id, 1)).number == point.number
    order = ScheduleOrder(app="dummy_app", task="nightly", name="nightly", cron="0 2 * * *")
    schedule = loupe.schedules.create(order)
    assert loupe.schedules.change(schedule.id, enabled=False).enabled is False
    assert schedule.id in [each.id for each in loupe.schedules.list()]
    loupe.schedules.delete(schedule.id)
    with pytest.raises(NotFound):
        loupe.schedules.get(schedule.id)
    with pytest.raises(InvalidRequest, match="webhook_address_refused"):
        loupe.webhooks.create("http://169.254.169.254/latest")


def test_refusals_are_typed_by_code(loupe: Loupe, site: Site) -> None:
    with pytest.raises(Refused) as refused:
        loupe.app("dummy_app").inspect(b"\x89PNG\r\n\x1a\n", verb="measure")
    assert refused.value.status == 422
    with pytest.raises(NotFound, match="unknown_app"):
        list(loupe.results("nothing"))
    with Loupe(site.url, "wrong.key") as stranger, pytest.raises(Unauthenticated) as unknown:
        stranger.apps()
    assert unknown.value.code == "key_unknown"


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with Loupe("http://127.0.0.1:9", "a.b", tries=2) as nowhere, pytest.raises(Unreachable):
        nowhere.apps()


def test_large_files_go_ahead_in_parts_and_the_small_ones_with_the_job(
    loupe: Loupe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "FROM_BYTES", 1_000)
    monkeypatch.setattr(parts, "PART_BYTES", 700)
    paths = written(tmp_path, 1, 2)
    paths[1].write_text(paths[1].read_text().ljust(3_000))
    for chosen in (paths, paths[1:]):
        job = loupe.submit("dummy_app", chosen)
        job.wait(check=True)
        assert sorted(item.name for item in job.items()) == sorted(path.name for path in chosen)

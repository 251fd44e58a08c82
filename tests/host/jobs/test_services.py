"""Promises of the verbs: start once, cancel and keep, resume, retry what failed."""

import pytest

from loupe.accounts.errors import Denied
from loupe.accounts.policy import SYSTEM, Actor
from loupe.jobs import claims, services
from loupe.jobs.errors import AlreadyStarted, JobEnded, NothingToDo
from loupe.jobs.execution.bench import Bench
from loupe.jobs.execution.shift import Shift
from loupe.jobs.models import Item, ItemState, Job, JobState, Result
from tests.host.jobs.conftest import Start, readings

BAD = '{"value": "not a number"}'


def work(bench: Bench) -> None:
    """One worker's shift, long enough for everything."""
    Shift(bench, ["dummy_app"], 60).run()


def test_a_job_with_one_bad_file_finishes_the_rest_and_names_the_bad_one(
    start: Start, bench: Bench
) -> None:
    job = start({**readings(5), "scratched.json": BAD})
    work(bench)
    job.refresh_from_db()
    progress = services.progress(job)
    assert (job.state, progress.done, progress.failed) == (JobState.DONE, 5, 1)
    (failure,) = progress.failures
    assert (failure.code, failure.count, failure.name) == ("not_a_number", 1, "scratched.json")
    assert "not a number" in failure.example


def test_a_file_refused_on_arrival_is_a_failed_item_of_the_job(start: Start, bench: Bench) -> None:
    job = start({**readings(2), "empty.json": ""})
    item = Item.objects.get(job=job, state=ItemState.FAILED)
    assert (item.error_code, item.input and item.input.name) == ("empty_file", "empty.json")
    work(bench)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    with pytest.raises(NothingToDo, match="no failed item that could be tried again"):
        services.retry_failed(SYSTEM, job)


def test_each_result_carries_versions_and_the_time_of_every_stage(
    start: Start, bench: Bench
) -> None:
    job = start(readings(1))
    work(bench)
    result = Result.objects.select_related("provenance__model_version", "decision").get(job=job)
    assert list(result.times_ms) == ["queue", "parse", "infer", "decide", "store"]
    assert all(ms >= 0 for ms in result.times_ms.values())
    assert result.data == {"schema_version": 1, "value": 0.0, "scaled": 0.0}
    assert result.provenance.artefact_sha256
    assert result.provenance.model_version is not None
    assert result.provenance.operating_point is not None
    assert result.decision.outcome == result.outcome == "low"


def test_starting_a_submission_twice_gives_one_job(start: Start) -> None:
    job = start(readings(3))
    again = services.start(SYSTEM, job.submission, job.provenance.model_version)
    assert again == job
    assert (Job.objects.count(), Item.objects.count()) == (1, 3)


def test_starting_again_with_another_model_is_refused(start: Start) -> None:
    job = start(readings(1))
    with pytest.raises(AlreadyStarted, match="started already as job"):
        services.start(SYSTEM, job.submission, None)


def test_cancel_keeps_results_and_drops_what_is_in_work(start: Start, bench: Bench) -> None:
    job = start(readings(4))
    work(bench)
    more = start(readings(40))
    claim = claims.claim(["dummy_app"], 8)
    services.cancel(SYSTEM, more)
    progress = services.progress(Job.objects.get(pk=more.pk))
    assert (progress.state, progress.cancelled, progress.total) == ("cancelled", 40, 40)
    assert claim is not None
    assert claims.renew(claim) == set()
    assert services.progress(Job.objects.get(pk=job.pk)).done == 4
    with pytest.raises(JobEnded, match="is cancelled already"):
        services.cancel(SYSTEM, more)


def test_resume_goes_on_where_cancel_stopped(start: Start, bench: Bench) -> None:
    job = start(readings(6))
    services.cancel(SYSTEM, job)
    assert services.resume(SYSTEM, job) == 6
    work(bench)
    job.refresh_from_db()
    assert (job.state, Result.objects.filter(job=job).count()) == (JobState.DONE, 6)
    with pytest.raises(NothingToDo, match="no item of it was cancelled"):
        services.resume(SYSTEM, job)


def test_retry_takes_all_or_those_of_a_code_or_those_named(start: Start, bench: Bench) -> None:
    job = start({"a.json": BAD, "b.json": BAD, "c.json": "[1]"})
    work(bench)
    failed = list(Item.objects.filter(job=job).order_by("position"))
    assert {item.error_code for item in failed} == {"not_a_number", "not_a_reading"}
    assert services.retry_failed(SYSTEM, job, codes=["not_a_reading"]) == 1
    assert services.retry_failed(SYSTEM, job, item_ids=[failed[0].pk]) == 1
    assert services.retry_failed(SYSTEM, job) == 1
    job.refresh_from_db()
    assert (job.state, job.ended_at) == (JobState.RUNNING, None)
    work(bench)
    job.refresh_from_db()
    assert (job.state, services.progress(job).failed) == (JobState.DONE, 3)


def test_who_may_only_look_can_neither_cancel_nor_retry(start: Start, viewer: Actor) -> None:
    job = start(readings(1))
    with pytest.raises(Denied, match="operator"):
        services.cancel(viewer, job)
    with pytest.raises(Denied, match="operator"):
        services.retry_failed(viewer, job)


def test_progress_costs_the_same_queries_for_ten_items_and_for_a_hundred(
    start: Start, django_assert_max_num_queries: object
) -> None:
    for count in (10, 100):
        job = start(readings(count))
        with django_assert_max_num_queries(6):  # type: ignore[operator]
            assert services.progress(job).queued == count

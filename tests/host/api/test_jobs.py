"""Cancel and resume by REST."""

from collections.abc import Callable
from typing import Any

from loupe.accounts.policy import SYSTEM
from loupe.intake.models import Channel
from loupe.jobs import services
from loupe.jobs.models import Item, ItemState, Job, JobState
from tests.host.api.conftest import World
from tests.host.api.files import reading

Call = Callable[..., Any]


def cancelled(world: World, tmp_path: Any) -> Job:
    """A job of two files, of which none was begun when it was cancelled."""
    sources = [reading(tmp_path, f"later-{number}.json", number) for number in (1, 2)]
    job = services.submit(SYSTEM, world.project, "dummy_app", Channel.REST, sources)
    return services.cancel(SYSTEM, job)


def test_a_cancelled_job_is_resumed_and_says_how_many_items_wait(
    world: World, call: Call, tmp_path: Any
) -> None:
    job = cancelled(world, tmp_path)
    key, path = world.key("submit"), f"/api/v1/jobs/{job.pk}/resume"
    answer = call(key, "POST", path)
    assert (answer.status_code, answer.json()) == (202, {"queued": 2})
    job.refresh_from_db()
    assert (job.state, job.cancel_requested_at) == (JobState.RUNNING, None)
    assert Item.objects.filter(job=job, state=ItemState.QUEUED).count() == 2
    again = call(key, "POST", path)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_do")


def test_resume_repeated_under_its_key_gets_the_first_answer(
    world: World, call: Call, tmp_path: Any
) -> None:
    path = f"/api/v1/jobs/{cancelled(world, tmp_path).pk}/resume"
    key = world.key("submit")
    first, again = (call(key, "POST", path, HTTP_IDEMPOTENCY_KEY="go-on") for _ in range(2))
    assert (
        (again.status_code, again.json())
        == (first.status_code, first.json())
        == (
            202,
            {"queued": 2},
        )
    )
    assert again["Idempotency-Replayed"] == "true"


def test_a_job_with_nothing_cancelled_cannot_be_resumed(world: World, call: Call) -> None:
    answer = call(world.key(), "POST", f"/api/v1/jobs/{world.job.pk}/resume")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_do")
    assert "no item of it was cancelled" in answer.json()["detail"]


def test_a_key_that_may_only_cancel_starts_no_work(world: World, call: Call, tmp_path: Any) -> None:
    job = cancelled(world, tmp_path)
    answer = call(world.key("cancel"), "POST", f"/api/v1/jobs/{job.pk}/resume")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert Job.objects.get(pk=job.pk).state == JobState.CANCELLED

"""One run: what it sends, what it skips, and what is left of it in the history."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from pytest_django import Settings

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM, Actor
from loupe.changes.models import Change
from loupe.console.said import translated
from loupe.intake.models import Channel, Submission
from loupe.jobs.models import Item, ItemState, Job, JobState
from loupe.registry.services import register_shipped
from loupe.schedules import running, services
from loupe.schedules.models import Schedule, ScheduleRun
from loupe.schedules.timing import Timing
from tests.host.schedules.conftest import drop

State = ScheduleRun.State


@pytest.fixture
def night(engineer: Actor, project: Project, place: Path, settings: Settings) -> Schedule:
    settings.MODEL_REPOSITORY = place.parent / "models"
    register_shipped()
    (place / "night").mkdir()
    return schedule(engineer, project)


def schedule(engineer: Actor, project: Project, **given: Any) -> Schedule:
    wanted: dict[str, Any] = {
        "app": "dummy_app",
        "task": "folder",
        "name": "Night",
        "timing": Timing(cron="30 2 * * *"),
        "options": {"folder": "night"},
    }
    return services.create(engineer, project, **(wanted | given))


def finish(job_id: UUID | None, state: str = ItemState.DONE) -> None:
    """As if workers had done the job."""
    assert job_id is not None
    now = timezone.now()
    Item.objects.filter(job=job_id).exclude(state=ItemState.FAILED).update(
        state=state, ended_at=now
    )
    Job.objects.filter(pk=job_id).update(state=JobState.DONE, ended_at=now)


def names(run: ScheduleRun | None) -> set[str]:
    assert run is not None
    assert run.job_id is not None
    job = Job.objects.get(pk=run.job_id)
    return set(job.submission.inputs.values_list("name", flat=True))


def test_a_run_sends_the_folder_as_a_job_and_ends_with_it(night: Schedule, place: Path) -> None:
    drop(place, "night/a.json", 1)
    drop(place, "night/shift 2/b.json", 2)
    drop(place, "other/c.json", 3)
    run = running.due(str(night.pk), "message-1")
    assert run is not None
    assert names(run) == {"a.json", "shift 2/b.json"}
    submission = Submission.objects.get()
    assert (submission.channel, submission.sent_by_user) == (Channel.SCHEDULE, None)
    assert run.state == State.RUNNING
    finish(run.job_id)
    running.settle()
    run.refresh_from_db()
    assert run.state == State.DONE
    assert run.outcome == "2 of 2 files inspected, 0 failed, 0 cancelled."
    told = Change.objects.get(kind="schedule.ran").data
    assert (told["state"], told["job"]) == ("done", str(run.job_id))


def test_a_run_takes_only_new_files_or_all_as_told(
    night: Schedule, engineer: Actor, place: Path
) -> None:
    drop(place, "night/a.json", 1)
    first = running.due(str(night.pk), "message-1")
    assert first is not None
    finish(first.job_id)
    second = running.due(str(night.pk), "message-2")
    assert second is not None
    assert (second.state, second.outcome, second.job_id) == (State.DONE, "No new files.", None)
    drop(place, "night/a.json", 5, age_s=30)  # the same name, another content
    drop(place, "night/b.json", 2)
    third = running.due(str(night.pk), "message-3")
    assert names(third) == {"a.json", "b.json"}
    assert third is not None
    finish(third.job_id)
    services.update(engineer, night, options={"folder": "night", "only_new": False})
    assert names(running.due(str(night.pk), "message-4")) == {"a.json", "b.json"}


def test_links_hidden_files_and_files_still_written_are_left_alone(
    night: Schedule, place: Path, tmp_path: Path
) -> None:
    drop(place, "night/a.json", 1)
    drop(place, "night/.part/b.json", 2)
    drop(place, "night/.c.json", 3)
    drop(place, "night/fresh.json", 4, age_s=1)
    secret = drop(tmp_path, "secret.json", 5)
    (place / "night" / "link.json").symlink_to(secret)
    (place / "night" / "linked").symlink_to(tmp_path)
    assert names(running.due(str(night.pk), "message-1")) == {"a.json"}


def test_a_folder_that_is_gone_fails_the_run_with_a_sentence(night: Schedule, place: Path) -> None:
    (place / "night").rmdir()
    run = running.due(str(night.pk), "message-1")
    assert run is not None
    assert run.state == State.FAILED
    assert "no folder 'night' below" in run.outcome


def test_a_folder_that_links_out_of_the_watch_root_is_refused(
    night: Schedule, place: Path, tmp_path: Path
) -> None:
    drop(tmp_path, "outside/a.json", 1)
    (place / "night").rmdir()
    (place / "night").symlink_to(tmp_path / "outside")
    run = running.due(str(night.pk), "message-1")
    assert run is not None
    assert run.state == State.FAILED
    assert not Submission.objects.exists()


def test_a_schedule_is_skipped_while_it_runs_unless_told_otherwise(
    night: Schedule, engineer: Actor, place: Path
) -> None:
    drop(place, "night/a.json", 1)
    first = running.due(str(night.pk), "message-1")
    second = running.due(str(night.pk), "message-2")
    assert first is not None
    assert second is not None
    assert second.state == State.SKIPPED
    assert "has not ended" in second.outcome
    services.update(engineer, night, skip_if_running=False)
    drop(place, "night/b.json", 1)
    third = running.due(str(night.pk), "message-3")
    assert names(third) == {"b.json"}
    assert [run.state for run in services.history(SYSTEM, night)] == [
        "running",
        "skipped",
        "running",
    ]


def test_a_message_delivered_twice_makes_one_run(night: Schedule, place: Path) -> None:
    drop(place, "night/a.json", 1)
    running.due(str(night.pk), "message-1")
    running.due(str(night.pk), "message-1")
    assert ScheduleRun.objects.count() == Submission.objects.count() == 1


def test_a_run_whose_worker_died_after_sending_takes_its_job_over(
    night: Schedule, place: Path
) -> None:
    drop(place, "night/a.json", 1)
    run = running.due(str(night.pk), "message-1")
    assert run is not None
    job = run.job_id
    # As it was before the last write of the dead worker.
    ScheduleRun.objects.update(job_id=None)
    night.seen_files.all().delete()
    drop(place, "night/b.json", 2)
    again = running.due(str(night.pk), "message-1")
    assert again is not None
    assert again.job_id == job
    assert Submission.objects.count() == 1
    finish(job)
    assert names(running.due(str(night.pk), "message-2")) == {"b.json"}


def test_a_run_nobody_works_on_any_more_ends_as_failed(night: Schedule) -> None:
    run = ScheduleRun.objects.create(
        schedule=night, state=State.RUNNING, started_at=timezone.now() - timedelta(hours=1)
    )
    assert running.settle() == 1
    run.refresh_from_db()
    assert (run.state, run.outcome) == (State.FAILED, "The worker that ran it was lost.")


def test_a_job_in_which_nothing_worked_is_a_failed_run(night: Schedule, place: Path) -> None:
    drop(place, "night/a.json", 1)
    run = running.due(str(night.pk), "message-1")
    assert run is not None
    finish(run.job_id, ItemState.FAILED)
    running.settle()
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert run.outcome.startswith("0 of 1 files inspected, 1 failed")


def test_an_apps_own_task_tells_the_history(engineer: Actor, project: Project) -> None:
    nightly = schedule(engineer, project, task="nightly", name="Count", options={})
    run = running.due(str(nightly.pk), "message-1")
    assert run is not None
    assert (run.state, run.outcome) == (State.DONE, f"counted the night of {project.pk}")


def test_an_apps_task_that_breaks_ends_its_run_and_is_raised(
    engineer: Actor, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(project_id: str, options: dict[str, object]) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("dummy_app.tasks.nightly", broken)
    nightly = schedule(engineer, project, task="nightly", name="Count", options={})
    with pytest.raises(ZeroDivisionError):
        running.due(str(nightly.pk), "message-1")
    run = ScheduleRun.objects.get()
    assert run.state == State.FAILED
    assert "broke off" in run.outcome


def test_a_schedule_switched_off_or_deleted_starts_nothing(
    night: Schedule, engineer: Actor, place: Path
) -> None:
    drop(place, "night/a.json", 1)
    services.set_enabled(engineer, night, False)
    assert running.due(str(night.pk), "message-1") is None
    gone = str(night.pk)
    services.delete(engineer, night)
    assert running.due(gone, "message-2") is None
    assert not Submission.objects.exists()


def test_a_run_by_hand_is_carried_out_also_while_switched_off(
    night: Schedule, engineer: Actor, place: Path
) -> None:
    drop(place, "night/a.json", 1)
    services.set_enabled(engineer, night, False)
    run = ScheduleRun.objects.create(
        schedule=night, state=State.RUNNING, started_at=timezone.now(), by_hand=True
    )
    done = running.due(str(night.pk), "message-1", run.pk)
    assert names(done) == {"a.json"}


@pytest.mark.parametrize(
    "outcome",
    [
        "Skipped: the run of 2026-11-23T02:30:00+00:00 has not ended.", "3 files were handed over.",
        "No new files.", "The app does not offer this task any more.",
        "The task broke off with an error; the log has it.", "The worker that ran it was lost.",
        "Its job was deleted.", "2 of 3 files inspected, 1 failed, 0 cancelled.",
    ],
)  # fmt: skip
def test_what_came_of_a_run_is_told_in_the_readers_language(
    engineer: Actor, night: Schedule, client: Client, outcome: str
) -> None:
    """Workers know no language: the row is English, and the page is not."""
    ScheduleRun.objects.create(
        schedule=night, state=State.DONE, started_at=timezone.now(), outcome=outcome
    )
    assert engineer.user is not None
    client.force_login(engineer.user)
    address = reverse("console:schedule", args=[night.project.slug, night.pk])
    assert outcome in client.get(address, headers={"accept-language": "en"}).content.decode()
    chinese = client.get(address, headers={"accept-language": "zh-hans"}).content.decode()
    assert outcome not in chinese
    assert translated_to_chinese(outcome) in chinese


def translated_to_chinese(outcome: str) -> str:
    with translation.override("zh-hans"):
        return translated(outcome)

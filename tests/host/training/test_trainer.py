"""Promises of the trainer: what comes of a run, and of each way in which one goes wrong."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.changes.models import Change
from loupe.contract.runtime import devices
from loupe.datasets.models import DatasetVersion
from loupe.engine import repository
from loupe.registry.models import ModelVersion, Stage
from loupe.training import claims, places, services
from loupe.training.models import Evaluation, MistakePicture, Run, RunKind, RunState
from loupe.training.promotion import promote
from tests.host.training.conftest import Bench, readings

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
MANIFEST = {
    "runner": "a.b:C",
    "format": "json",
    "task": "t",
    "classes": [],
    "input": {},
    "licence": "x",
}
Train = Callable[..., Run]


def test_a_training_leaves_a_candidate_its_figures_and_its_mistakes(
    bench: Bench, train: Train, line: Project, data: DatasetVersion, place: Path
) -> None:
    run = bench.end(train(seed=4))
    assert (run.state, run.progress, run.error, run.device) == (RunState.DONE, 1.0, "", "cpu")
    version = ModelVersion.objects.get(model__name="ours", model__project=line)
    assert run.version == version
    assert (version.number, version.stage) == (1, Stage.CANDIDATE)
    folder = repository.artefact_folder(place / "models", version.model.wire_name, 1)
    origin = repository.verify(folder)["origin"]
    assert (origin["run"], origin["dataset_version"], origin["seed"]) == (str(run.pk), 1, 4)
    steps = services.metrics(run)
    assert [one.step for one in steps] == list(range(1, 21))
    assert steps[-1].values["loss"] < 1e-6 < steps[0].values["loss"]
    evaluation = Evaluation.objects.get(model_version=version)
    assert evaluation.dataset_version == data
    assert evaluation.panel["artefact_sha256"] == version.artefact_sha256
    assert evaluation.predictions is not None
    assert MistakePicture.objects.get(evaluation=evaluation).blob.media_type == "image/png"
    assert not places.folder_of(run).exists()
    kinds = list(Change.objects.filter(project=line).values_list("kind", flat=True))
    assert kinds == ["training.started", "model.registered", "training.ended"]
    told = set(Event.objects.filter(project_id=line.pk).values_list("action", flat=True))
    assert {"training.started", "model.trained", "training.ended"} <= told


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(
    bench: Bench, train: Train
) -> None:
    losses = []
    for seed in (1, 1, 2):
        run = bench.end(train(seed=seed, steps=3))
        losses.append([one.values["loss"] for one in services.metrics(run)])
    assert losses[0] == losses[1] != losses[2]
    assert ModelVersion.objects.filter(model__name="ours").count() == 3


def test_a_child_that_is_killed_goes_on_from_its_checkpoint(bench: Bench, train: Train) -> None:
    run = train(steps=20, seconds_per_step=0.1)
    bench.step(run, 5)
    (child,) = psutil.Process().children()
    child.kill()
    run = bench.end(run)
    assert run.state == RunState.DONE
    resumed = [one.values["resumed_at"] for one in services.metrics(run)]
    assert resumed[0] == 0
    assert resumed[-1] >= 4
    assert len(resumed) == 20


def test_a_child_that_dies_over_and_over_fails_the_run_with_a_sentence(
    bench: Bench, train: Train
) -> None:
    run = bench.end(train(steps=4, fail="killed"))
    assert (run.state, run.error_code, run.losses) == (RunState.FAILED, "worker_lost", 3)
    assert "died 3 times" in run.error


@pytest.mark.parametrize(
    ("fail", "code", "words"),
    [
        ("refused", "contradiction", "contradict each other"),
        ("broken", "app_error", "ZeroDivisionError"),
        ("disk_full", "disk_full", "last complete checkpoint was kept"),
        ("no_manifest", "manifest_invalid", "manifest.json"),
    ],
)
def test_a_training_that_goes_wrong_fails_with_a_code_and_a_sentence(
    bench: Bench, train: Train, fail: str, code: str, words: str
) -> None:
    run = bench.end(train(steps=4, fail=fail))
    assert (run.state, run.error_code) == (RunState.FAILED, code)
    assert words in run.error
    assert not ModelVersion.objects.filter(model__name="ours").exists()


def test_what_a_broken_training_printed_is_kept(bench: Bench, train: Train) -> None:
    run = bench.end(train(steps=4, fail="broken"))
    assert "about to break" in run.log
    assert "ZeroDivisionError: a bug of the dummy app" in run.log


def test_a_full_disk_keeps_the_last_checkpoint_and_the_training_is_resumed_from_it(
    bench: Bench, train: Train, anna: User
) -> None:
    run = bench.end(train(steps=6, fail="disk_full"))
    kept = sorted(path.name for path in (places.folder_of(run) / "out/checkpoint").iterdir())
    assert kept == ["00000002", "00000003"]
    Run.objects.filter(pk=run.pk).update(config={**run.config, "fail": ""})
    services.resume(Actor(user=anna), run)
    run = bench.end(run)
    assert run.state == RunState.DONE
    assert [one.values["resumed_at"] for one in services.metrics(run)] == [0, 0, 0, 3, 3, 3]


def test_a_disk_that_fills_up_stops_the_training_before_the_database_suffers(
    bench: Bench, train: Train, settings: Settings
) -> None:
    run = train(steps=200, seconds_per_step=0.1)
    bench.step(run, 2)
    settings.MIN_FREE_BYTES = 2**60
    run = bench.end(run)
    assert (run.state, run.error_code) == (RunState.FAILED, "disk_full")
    assert "LOUPE_MIN_FREE_BYTES" in run.error


def test_cancel_ends_the_child_and_resume_goes_on(bench: Bench, train: Train, anna: User) -> None:
    run = train(steps=20, seconds_per_step=0.1)
    bench.step(run, 3)
    services.cancel(Actor(user=anna), run)
    bench.until(lambda: not bench.trainer.works)
    assert psutil.Process().children() == []
    assert Run.objects.get(pk=run.pk).state == RunState.CANCELLED
    services.resume(Actor(user=anna), run)
    run = bench.end(run)
    assert run.state == RunState.DONE
    assert services.metrics(run)[-1].values["resumed_at"] >= 2


def test_a_child_that_does_not_listen_is_killed_with_all_it_started(
    bench: Bench, train: Train, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loupe.training.trainer.CANCEL_GRACE_SECONDS", 0.3)
    run = train(steps=2, fail="deaf")
    bench.until(lambda: len(psutil.Process().children(recursive=True)) >= 2)
    family = psutil.Process().children(recursive=True)
    services.cancel(Actor(user=anna), run)
    bench.until(lambda: not bench.trainer.works)
    _, alive = psutil.wait_procs(family, timeout=90)
    assert alive == []


def test_a_silent_child_is_ended(bench: Bench, train: Train, settings: Settings) -> None:
    settings.SILENT_SECONDS = 1
    settings.MAX_ATTEMPTS = 1
    run = bench.end(train(steps=2, fail="deaf"))
    assert (run.state, run.error_code) == (RunState.FAILED, "worker_lost")


def test_a_trainer_that_is_stopped_hands_its_run_back_unblamed(bench: Bench, train: Train) -> None:
    run = train(steps=200, seconds_per_step=0.1)
    bench.step(run, 2)
    bench.trainer.stop()
    run.refresh_from_db()
    assert (run.state, run.attempts, run.losses) == (RunState.QUEUED, 0, 0)
    assert psutil.Process().children() == []


def test_a_run_whose_trainer_vanished_is_taken_over(bench: Bench, train: Train) -> None:
    run = train(steps=3)
    lost = claims.claim("cpu")
    assert lost is not None
    Run.objects.filter(pk=run.pk).update(lease_until="2020-01-01T00:00:00Z")
    run = bench.end(run)
    assert (run.state, run.attempts) == (RunState.DONE, 2)
    assert not claims.renew(lost)


def test_two_runs_on_one_device_take_turns(bench: Bench, train: Train) -> None:
    first, second = train(steps=3, seconds_per_step=0.1), train(steps=3)
    bench.step(first, 1)
    assert Run.objects.get(pk=second.pk).state == RunState.QUEUED
    assert bench.end(second).state == RunState.DONE
    assert Run.objects.get(pk=first.pk).state == RunState.DONE
    ended = Run.objects.get(pk=first.pk).ended_at
    assert Run.objects.filter(pk=second.pk, started_at__gt=ended).exists()


def test_a_device_that_somebody_else_trains_on_makes_the_run_wait_and_say_so(
    bench: Bench, train: Train
) -> None:
    run = train(steps=2)
    with devices.claimed("cpu"):
        bench.until(lambda: Run.objects.get(pk=run.pk).not_before is not None)
        run.refresh_from_db()
        assert (run.state, run.attempts) == (RunState.QUEUED, 0)
        assert "busy with another training" in run.note
    Run.objects.filter(pk=run.pk).update(not_before=None)
    assert bench.end(run).state == RunState.DONE


def test_a_training_starts_from_a_registered_version(bench: Bench, train: Train) -> None:
    first = bench.end(train(steps=1, rate=1.0, seed=1))
    second = bench.end(train(steps=1, rate=0.1, seed=9, base=first.version))
    assert services.metrics(second)[0].values["loss"] < 1e-6
    assert second.version is not None
    assert second.version.manifest["origin"]["base"] == "ours v1"


def test_the_version_in_production_is_measured_on_the_new_data_too(
    bench: Bench, train: Train, anna: User, line: Project
) -> None:
    first = bench.end(train())
    assert first.version is not None
    promote(Actor(user=anna), first.version, "the first one")
    other = readings(line, factor=5.0, name="lot-8")
    started = services.start(
        Actor(user=anna), line, app="dummy_app", model_name="ours", dataset_version=other
    )
    bench.end(started)
    evaluation = Run.objects.get(kind=RunKind.EVALUATE)
    assert bench.end(evaluation).state == RunState.DONE
    scored = Evaluation.objects.get(model_version=first.version, dataset_version=other)
    figure = scored.panel["figures"][0]
    assert figure["key"] == "error"
    assert figure["value"] > 1.0


def test_a_training_keeps_no_keys_and_reaches_no_network(
    bench: Bench, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOUPE_SECRET_KEY", "secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/n")
    run = train(steps=100, seconds_per_step=0.1)
    bench.step(run, 1)
    (child,) = psutil.Process().children()
    environment = child.environ()
    assert {"LOUPE_SECRET_KEY", "DATABASE_URL"} & set(environment) == set()
    assert environment["YOLO_OFFLINE"] == "1"
    devices_there = Path(f"/proc/{child.pid}/net/dev").read_text().splitlines()[2:]
    assert [one.split(":")[0].strip() for one in devices_there] in ([], ["lo"])


def test_folders_nobody_resumed_in_time_are_swept(
    bench: Bench, train: Train, settings: Settings
) -> None:
    run = bench.end(train(steps=4, fail="refused"))
    places.sweep()
    assert (places.folder_of(run) / "out").is_dir()
    Run.objects.filter(pk=run.pk).update(ended_at="2020-01-01T00:00:00Z")
    (places.root() / "not-a-run").mkdir()
    places.sweep()
    assert list(places.root().iterdir()) == []


def test_what_a_kill_left_between_files_and_row_is_made_anew_under_the_same_number(
    bench: Bench, train: Train, line: Project, place: Path
) -> None:
    run, folder = train(steps=1), place / "models" / "dummy_app" / "line-1" / "ours"
    left = {
        "schema": 1,
        "app": "dummy_app",
        "files": {"w.json": "0" * 64},
        "origin": {"run": str(run.pk)},
    }
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "manifest.json").write_text(json.dumps(MANIFEST | left))
    version = bench.end(run).version
    assert version is not None
    assert version.number == 1
    assert repository.verify(folder / "1")["files"]
    assert [path.name for path in folder.iterdir()] == ["1"]


def test_half_copied_artefacts_go_after_an_hour(bench: Bench, place: Path) -> None:
    folder = place / "models" / "dummy_app" / "line-1" / "ours"
    for name in (".1-old", ".2-new"):
        (folder / name).mkdir(parents=True)
        (folder / name / "weights").touch()
    for path in (folder / ".1-old" / "weights", folder / ".1-old"):
        os.utime(path, (1, 1))
    bench.trainer.tick()
    assert [path.name for path in folder.iterdir()] == [".2-new"]


def test_history_is_written_beside_the_artefact(tmp_path: Path, bench: Bench, train: Train) -> None:
    run = bench.end(train(steps=6, fail="disk_full"))
    lines = (places.folder_of(run) / "out/history.jsonl").read_text().splitlines()
    assert [json.loads(one)["step"] for one in lines] == [1, 2, 3]

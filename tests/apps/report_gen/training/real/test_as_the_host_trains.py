"""A model from a folder of studies and from signed reports, as the host trains it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.report_gen.bundles.manifest import MEDIA_TYPE, Manifest
from apps.report_gen.bundles.writing import write_bundle
from apps.report_gen.deid.files import Cleaned
from apps.report_gen.services import retraining, training_data
from apps.report_gen.services.reporting import consent
from loupe.blobs import services as blobs
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.panel import Panel
from loupe.engine import repository
from loupe.host.results import Result
from loupe.registry.models import ModelVersion, Stage
from loupe.training import gathering, services, trainer
from loupe.training.models import Evaluation, Run, RunState
from loupe.training.promotion import gate
from loupe.training.trainer import Trainer
from tests.apps.report_gen.desk import Desk
from tests.apps.report_gen.training.real.folders import folder, write_volume

pytestmark = [pytest.mark.slow, pytest.mark.serial]
PATIENCE_SECONDS = 600.0
TOY = {
    "from_scratch": True, "toy": True, "steps": 3, "batch": 1, "pool": 1, "evaluate_every": 1,
    "phantoms": 0.0, "insert": 0.0,
    "device": "cpu",
}  # fmt: skip
WHO = "Muster"


@pytest.fixture
def desk(
    transactional_db: None, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """A project of its own, in folders of its own."""
    settings.MODEL_REPOSITORY = tmp_path / "models"
    settings.SCRATCH = tmp_path / "scratch"
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    settings.TRAINING_DEVICES = ["cpu"]
    settings.SCRATCH.mkdir()
    monkeypatch.setattr(trainer, "WRITE_SECONDS", 0.1)
    monkeypatch.setattr(trainer, "CLAIM_AGAIN_SECONDS", 0.05)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("LOUPE_REPORT_TRAINING", str(tmp_path / "training"))
    return Desk()


@pytest.fixture
def chests(desk: Desk, tmp_path: Path) -> Path:
    """Drawn chests in CT-RATE's layout; names of files and patients name people."""
    place = folder(tmp_path / "training" / desk.project.slug / "chests", 6)
    for file in list(place.iterdir()):
        if file.name.endswith(".nii.gz"):
            file.rename(file.with_name(f"{WHO}_{file.name}"))
        else:
            file.write_text(file.read_text().replace("train_", f"{WHO}_train_"))
    return place


def worked(run: Run, until: Any = lambda run: False) -> Run:
    """The run after a trainer in this process has ended it, or `until` holds."""
    bench = Trainer(["cpu"])
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while (run.state in services.OPEN or bench.works) and not until(run):
            assert time.monotonic() < deadline, "it did not end"
            bench.tick()
            time.sleep(0.02)
            run.refresh_from_db()
    finally:
        bench.stop()
    run.refresh_from_db()
    return run


def test_a_folder_in_ct_rates_layout_becomes_a_candidate_with_curves_panel_and_gate(
    desk: Desk, chests: Path, settings: Settings
) -> None:
    assert ("folder-chests", "Folder chests") in training_data.sources(desk.project.pk)
    engineer = desk.people["engineer"]
    client = Client()
    client.force_login(engineer)
    page = client.get(reverse("console:training_new", args=[desk.project.slug, "report_gen"]))
    assert 'value="source:folder-chests"' in page.content.decode()
    actor = desk.actor("engineer")
    data = gathering.freeze(actor, desk.project, "report_gen", "folder-chests")
    run = services.start(
        actor, desk.project, app="report_gen", model_name="ours", dataset_version=data,
        config=TOY,
    )  # fmt: skip
    run = worked(run)
    assert (run.state, run.error) == (RunState.DONE, "")
    assert run.version is not None
    assert run.version.stage == Stage.CANDIDATE
    assert [row.step for row in run.metrics.order_by("step")] == [1, 2, 3]
    assert all(row.values["loss"] > 0 for row in run.metrics.all())
    evaluation = Evaluation.objects.get(run=run, serving=True)
    panel = Panel.model_validate(evaluation.panel)
    rows = {row.key: row.holds for row in gate(run.version).rows}
    assert rows["measured"] is True
    assert rows["patients"] is False  # six patients are too few to let a model read
    # Nothing that is stored calls anybody by name.
    assert evaluation.predictions is not None
    with blobs.open_local(evaluation.predictions) as path:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0]["record"].startswith("study-")
    assert lines[0]["patient"].startswith("patient-")
    artefact = repository.artefact_folder(
        settings.MODEL_REPOSITORY, run.version.model.wire_name, run.version.number
    )
    stored = "".join(file.read_text() for file in artefact.glob("*.json"))
    assert "trained_on" in stored
    for said in (stored, run.log, run.note, json.dumps(evaluation.panel), json.dumps(lines)):
        assert WHO not in said
    # Measured once more, by the stored artefact on the same data: the same figures.
    again = worked(services.evaluate(actor, run.version, data))
    assert (again.state, again.error) == (RunState.DONE, "")
    second = Panel.model_validate(Evaluation.objects.get(run=again).panel)
    assert second.figures == panel.figures


def test_a_cancelled_training_is_resumed_from_its_checkpoint(desk: Desk, chests: Path) -> None:
    actor = desk.actor("engineer")
    data = gathering.freeze(actor, desk.project, "report_gen", "folder-chests")
    config = {**TOY, "steps": 60}
    run = services.start(
        actor, desk.project, app="report_gen", model_name="ours", dataset_version=data,
        config=config,
    )  # fmt: skip
    run = worked(run, until=lambda run: run.metrics.count() >= 2)
    services.cancel(actor, run)
    run = worked(run)
    assert run.state == RunState.CANCELLED
    before = max(row.step for row in run.metrics.all())
    assert 2 <= before < 60
    run = worked(services.resume(actor, run))
    assert (run.state, run.error) == (RunState.DONE, "")
    assert [row.step for row in run.metrics.order_by("step")] == list(range(1, 61))
    assert run.version is not None


def test_a_folder_that_changed_is_refused_and_says_what_to_do(desk: Desk, chests: Path) -> None:
    actor = desk.actor("engineer")
    data = gathering.freeze(actor, desk.project, "report_gen", "folder-chests")
    (chests / "more.csv").write_text("VolumeName\n")
    run = services.start(
        actor, desk.project, app="report_gen", model_name="ours", dataset_version=data,
        config=TOY,
    )  # fmt: skip
    run = worked(run)
    assert run.state == RunState.FAILED
    assert run.error_code == "folder_changed"
    assert gathering.freeze(actor, desk.project, "report_gen", "folder-chests").number == 2


@pytest.fixture
def signed(desk: Desk, tmp_path: Path) -> Desk:
    """Four studies of four patients, read and signed, with their images."""
    for number in range(4):
        uid = f"2.25.{number + 1}"
        study = desk.study(uid=uid, patient=f"PAT-{number + 3}")
        images, packed = tmp_path / f"{number}.nii.gz", tmp_path / f"{number}.study"
        write_volume(images, number)
        image = Cleaned(name="00000001.nii.gz", content=images.read_bytes())
        write_bundle(packed, [image], Manifest(study_uid=uid))
        row = Result.objects.get(pk=study.result_id or 0)
        assert row.item.input is not None
        row.item.input.blob = blobs.store(packed, MEDIA_TYPE)
        row.item.input.save(update_fields=["blob"])
        desk.sign(study)
    return desk


def test_signed_reports_are_offered_after_consent_alone_and_become_a_candidate(
    signed: Desk,
) -> None:
    desk, actor = signed, signed.actor("engineer")
    with pytest.raises(InputRefused, match="has not consented"):
        gathering.freeze(actor, desk.project, "report_gen", "signed")
    consent.say(desk.actor("admin"), desk.project, given=True)
    data = gathering.freeze(actor, desk.project, "report_gen", "signed")
    assert data.counts == {"studies": 4}
    run = services.start(
        actor, desk.project, app="report_gen", model_name="corrected", dataset_version=data,
        config=TOY,
    )  # fmt: skip
    run = worked(run)
    assert (run.state, run.error) == (RunState.DONE, "")
    panel = Panel.model_validate(Evaluation.objects.get(run=run).panel)
    figure = panel.figure("macro_f1")
    assert figure is not None
    held_out = panel.figure("held_out_patients")
    assert held_out is not None
    assert (figure.count, held_out.value) == (1, 1)  # PAT-5 judges
    assert ModelVersion.objects.filter(model__name="corrected").count() == 1
    consent.say(desk.actor("admin"), desk.project, given=False)
    with pytest.raises(InputRefused, match="has not consented"):
        gathering.freeze(actor, desk.project, "report_gen", "signed")


def test_the_schedule_queues_a_training_once_for_what_is_new(desk: Desk, chests: Path) -> None:
    project = str(desk.project.pk)
    assert "has not consented" in retraining.retrain(project, {})
    options = {"source": "folder-chests", "config": TOY}
    assert "is queued on version 1" in retraining.retrain(project, options)
    assert "nothing new since version 1" in retraining.retrain(project, options)
    (chests / "more.csv").write_text("VolumeName\n")
    assert "is queued on version 2" in retraining.retrain(project, options)

"""A model from a project's own log: as the host trains it, and as ``train fraud --name`` does."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pytest_django import Settings

from apps.fraud.commands import train
from apps.fraud.services import training_data
from apps.fraud.services.labels import MOST, Said, give
from apps.fraud.simulator import SimulatorConfig, simulate
from apps.fraud.simulator.table import write
from loupe.contract.runtime.panel import Panel
from loupe.engine import repository
from loupe.registry.models import ModelVersion, Stage
from loupe.training import gathering, services, trainer
from loupe.training.models import Evaluation, Run, RunState
from loupe.training.promotion import gate
from loupe.training.trainer import Trainer
from tests.apps.fraud.bank import Bank, bank, paid

__all__ = ["bank"]
pytestmark = [pytest.mark.slow, pytest.mark.serial]
PATIENCE_SECONDS = 240.0
QUICK = {"seeds": 1, "network": False, "most_rows": 4_000}
CUSTOMERS = SimulatorConfig(customers=600, days=50, fraud_share=0.04)


@pytest.fixture
def place(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of the test's own."""
    settings.MODEL_REPOSITORY = tmp_path / "models"
    settings.SCRATCH = tmp_path / "scratch"
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    settings.TRAINING_DEVICES = ["cpu"]
    settings.SCRATCH.mkdir()
    monkeypatch.setattr(trainer, "WRITE_SECONDS", 0.2)
    monkeypatch.setattr(trainer, "CLAIM_AGAIN_SECONDS", 0.05)
    return tmp_path


def scored_and_labelled(bank: Bank) -> int:
    """A month and a half of payments in the project's log, with what people said of them."""
    made = simulate(CUSTOMERS, seed=3)
    words = {name: made[name].tolist() for name in made}
    rows = [
        paid(
            at, words["entity.customer"][at], terminal=words["entity.terminal"][at],
            device=words["entity.device"][at], address=words["entity.address"][at],
            event_time=words["event_time"][at], known_at=words["known_at"][at],
            amount=words["amount"][at], amount_original=words["amount_original"][at],
            attributes={"country": words["attribute.country"][at],
                        "channel": words["attribute.channel"][at]},
        )
        for at in range(len(words["id"]))
    ]  # fmt: skip
    half = len(rows) // 2
    bank.block(*rows[:half])
    bank.block(*rows[half:])
    said = [
        Said(
            transaction=f"T-{at}", label="fraud" if words["label"][at] else "honest",
            known_at=datetime.fromtimestamp(words["label_known_at"][at] / 1000, UTC),
        )
        for at in range(len(rows))
        if words["label"][at] >= 0 and words["label_known_at"][at] < time.time() * 1000
    ]  # fmt: skip
    for start in range(0, len(said), MOST):
        give(bank.actor("engineer"), bank.project, said[start : start + MOST])
    return len(said)


def worked(run: Run) -> Run:
    """The run after a trainer in this process has ended it."""
    bench = Trainer(["cpu"])
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while run.state in services.OPEN or bench.works:
            assert time.monotonic() < deadline, "it did not end"
            bench.tick()
            time.sleep(0.05)
            run.refresh_from_db()
    finally:
        bench.stop()
    return run


@pytest.mark.django_db(transaction=True)
def test_a_projects_own_labelled_log_becomes_a_candidate_with_its_ladder_curves_and_card(
    bank: Bank, place: Path
) -> None:
    count = scored_and_labelled(bank)
    actor = bank.actor("engineer")
    data = gathering.freeze(actor, bank.project, "fraud", training_data.LOG)
    assert data.counts["labels"] == count
    run = services.start(
        actor, bank.project, app="fraud", model_name="ours", dataset_version=data, config=QUICK
    )
    run = worked(run)
    assert (run.state, run.error) == (RunState.DONE, "")
    assert run.version is not None
    assert run.version.stage == Stage.CANDIDATE
    steps = [row.values for row in run.metrics.order_by("step")]
    assert len(steps) >= 10
    assert all(0 < values["trees"] <= 1 for values in steps)
    panel = Panel.model_validate(Evaluation.objects.get(run=run, serving=True).panel)
    assert {"rules", "logistic", "xgboost_flat", "xgboost_graph"} <= {
        one.key for one in panel.slices
    }
    assert {row.key for row in gate(run.version).rows} >= {"measured", "frauds", "rules"}
    folder = repository.artefact_folder(
        place / "models", run.version.model.wire_name, run.version.number
    )
    assert "## How it compares" in (folder / "README.md").read_text()
    assert json.loads((folder / "ladder.json").read_text())["cold_start"]["below"] == 5
    # Measured once more, by the code that serves, on the same data: the same figures.
    again = worked(services.evaluate(actor, run.version, data))
    assert (again.state, again.error) == (RunState.DONE, "")
    second = Panel.model_validate(Evaluation.objects.get(run=again).panel)
    first, then = panel.figure("average_precision"), second.figure("average_precision")
    assert first is not None
    assert then is not None
    assert first.value is not None
    assert then.value is not None
    assert np.isclose(first.value, then.value, atol=1e-9)


@pytest.mark.django_db(transaction=True)
def test_train_with_a_name_registers_a_candidate_that_carries_its_ladder(
    bank: Bank, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = place / "payments.parquet"
    write(simulate(CUSTOMERS, seed=4), file)
    options = ["--data", str(file), "--name", "ours", "--project", bank.project.slug, "--json"]
    quick = ["--seeds", "1", "--most-rows", "4000", "--without-network"]
    assert train.main([*options, *quick]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["registered"] == {"model": "ours", "version": 1, "stage": "candidate"}
    version = ModelVersion.objects.get(model__project=bank.project, model__name="ours")
    folder = repository.artefact_folder(place / "models", version.model.wire_name, 1)
    repository.verify(folder)
    assert (folder / "forest.json").is_file()
    assert [row["model"] for row in json.loads((folder / "ladder.json").read_text())["ladder"]] == [
        row["model"] for row in said["ladder"]
    ]

"""A model that reads embeddings, from its training to live scoring: made by schedule, with age."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pytest_django import Settings

from apps.fraud.app import App
from apps.fraud.assembling import assemble
from apps.fraud.events import ENTITY
from apps.fraud.features.hashing import keys_of
from apps.fraud.inference.embeddings import Generation, files, folder_of
from apps.fraud.models import EmbeddingTable
from apps.fraud.operating.blocks import Decisions
from apps.fraud.operating.challenger import Challenger
from apps.fraud.schema import OperatingPoint
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import candidates, embeddings, publishing, ready, shadow_work, shadows
from apps.fraud.simulator import SimulatorConfig, simulate
from apps.fraud.simulator.table import write
from apps.fraud.training.config import TrainingConfig
from apps.fraud.training.evaluation.evaluating import evaluate
from apps.fraud.training.reading import Read
from apps.fraud.training.training import BUNDLE, train_on
from loupe.accounts.models import Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.audit.models import Event
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.reporting import ConsoleReporter
from loupe.contract.runtime.training import ARTEFACT, read_panel
from loupe.engine.client import EngineClient
from loupe.engine.exchange import Model
from loupe.host import models
from loupe.registry.models import ModelVersion
from loupe.schedules import running, starting
from loupe.schedules.models import Schedule, ScheduleRun
from loupe.testing import factories
from loupe.testing.engine import running_engine
from tests.apps.fraud.bank import Bank

pytestmark = [pytest.mark.slow, pytest.mark.serial]
BATCH = 2_000
RECIPE = TrainingConfig(
    seeds=1, most_rows=4_000, network_rows=2_000, network_epochs=2, serves="xgboost_ready"
)


@pytest.fixture(scope="module")
def payments() -> Columns:
    """A month and a half, the last of them a minute ago."""
    made = simulate(SimulatorConfig(customers=600, days=45, fraud_share=0.04), seed=3)
    moved = int(time.time() * 1000) - 60_000 - int(made["known_at"].max())
    found = dict(made)
    for name in ("event_time", "known_at"):
        found[name] = found[name] + moved
    known = found["label_known_at"] + moved
    found["label_known_at"] = np.where(found["label"] >= 0, known, -1)
    return found


@pytest.fixture(scope="module")
def trained(payments: Columns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    read = Read(CARD_PAYMENTS, dict(payments), "0" * 64, 0, ())
    said = train_on(read, out, RECIPE, 0, ConsoleReporter(), dataset="drawn")
    assert said["serves"] == "xgboost_ready"
    return out


@dataclass
class Living:
    """A bank whose payments an engine scores."""

    bank: Bank
    engine: EngineClient
    version: ModelVersion
    count: int = 0

    def score(self, columns: Columns) -> Payload:
        """Score as the host does, with what the operating point tells the model."""
        point = candidates.champion(SYSTEM, self.bank.project).point
        asked = Payload(
            arrays=dict(columns), meta={"project": str(self.bank.project.pk), "session": "live"}
        )
        self.count += 1
        name, number = self.version.model.wire_name, self.version.number
        told = Model(name, number, App.request(point))
        with self.engine.apply("fraud", f"r{self.count}", asked, 60_000, model=told) as answer:
            arrays = {key: one.copy() for key, one in answer.payload.arrays.items()}
        return Payload(arrays=arrays, meta=answer.payload.meta)


@pytest.fixture
def living(
    bank: Bank, trained: Path, payments: Columns, tmp_path: Path, settings: Settings
) -> Iterator[Living]:
    settings.MODEL_REPOSITORY = tmp_path / "models"
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    make = "apps.fraud.inference.uploads:check_artefact"
    version = models.install_made(SYSTEM, bank.project, "fraud", "ready", make, trained / BUNDLE)
    asked = publishing.ask(bank.actor("engineer"), bank.project, "Reads more.", version=version)
    other = Actor(user=factories.person("other-engineer", bank.project, Role.ENGINEER))
    publishing.approve(other, asked)
    version.refresh_from_db()
    with running_engine(settings.MODEL_REPOSITORY, tmp_path / "state") as engine:
        made = Living(bank, engine, version)
        for start in range(0, len(payments["id"]), BATCH):
            part = {name: column[start : start + BATCH] for name, column in payments.items()}
            bank.keep(assemble(made.score(part)))
        yield made


def by_schedule(bank: Bank) -> ScheduleRun:
    """The schedule that every project has from the start, come due."""
    starting.begin()
    schedule = Schedule.objects.get(project=bank.project, app="fraud", task="embeddings")
    run = running.due(str(schedule.pk), "message-1")
    assert run is not None
    assert run.state == ScheduleRun.State.DONE, run.outcome
    return run


def now_paid(payments: Columns, number: int, customer: str) -> Columns:
    """The last payment once more, of now, with another id, by whomever."""
    last = {name: column[-1:].copy() for name, column in payments.items()}
    now = np.array([int(time.time() * 1000)])
    last |= {"id": np.array([f"new-{number}"]), "event_time": now, "known_at": now}
    return last | {ENTITY + "customer": np.array([customer]), "label": np.array([-1]),
                   "label_known_at": np.array([-1])}  # fmt: skip


def age(told: Payload) -> float:
    return float(told.arrays["feature.embedding_age"][0])


def of_customer(told: Payload) -> np.ndarray:
    names = [f"feature.embedding_customer_{at}" for at in range(12)]
    return np.array([told.arrays[name][0] for name in names])


def until_found(living: Living, payments: Columns, customer: str) -> Payload:
    """Score new payments until what is looked up is what was made last."""
    rows = EmbeddingTable.objects.filter(model_version=living.version)
    made_at = rows.latest("made_at").made_at.timestamp()
    deadline = time.monotonic() + 60
    while True:
        told = living.score(now_paid(payments, living.count, customer))
        if abs(told.arrays["event_time"][0] / 1000 - age(told) - made_at) < 0.01:
            return told
        assert time.monotonic() < deadline, f"still {age(told)} s old"
        time.sleep(0.2)


@pytest.mark.django_db(transaction=True)
def test_live_scoring_looks_embeddings_up_and_a_refresh_makes_them_young_again(
    living: Living, payments: Columns
) -> None:
    bank, project = living.bank, str(living.bank.project.pk)
    customer = str(payments[ENTITY + "customer"][-1])
    cold = living.score(now_paid(payments, 0, customer))
    assert np.isnan(age(cold))
    nobody = np.array(living.version.manifest["embeddings"]["nobody"]["customer"])
    np.testing.assert_allclose(of_customer(cold), nobody, atol=1e-6)
    page = bank.client("engineer").get(bank.url("publishing/"))
    assert "none yet" in page.content.decode()

    assert "entities of" in embeddings.refresh(project, {})
    row = EmbeddingTable.objects.get()
    rows = len(np.unique(payments["id"]))
    assert row.transactions == rows
    assert row.entities["customer"] == len(np.unique(payments[ENTITY + "customer"]))
    folder = folder_of(models.artefact(living.version), project)
    made = Generation.read(files(folder)[0])
    assert made.made_at == int(row.made_at.timestamp() * 1000)

    told = until_found(living, payments, customer)
    at = made.find("customer", _keys(customer), nobody.astype(np.float32))[0]
    np.testing.assert_array_equal(of_customer(told), at)
    assert not np.allclose(of_customer(told), nobody)
    stranger = living.score(now_paid(payments, 10_001, "nobody-knows"))
    np.testing.assert_allclose(of_customer(stranger), nobody, atol=1e-6)
    # The next making takes over without a restart, and says how old the last one was.
    run = by_schedule(bank)
    assert "; those before were 0." in run.outcome
    assert EmbeddingTable.objects.count() == 2
    until_found(living, payments, customer)
    found = bank.client("viewer").get(f"/api/v1/fraud/embeddings?project={bank.project.slug}")
    listed = found.json()["embeddings"]
    assert [one["version"] for one in listed] == [str(living.version)] * 2
    assert 0 <= listed[0]["age_seconds"] < listed[1]["age_seconds"]
    page = bank.client("engineer").get(bank.url("publishing/"))
    assert f"{sum(row.entities.values()):,}" in page.content.decode()
    assert Event.objects.filter(action="embeddings.refreshed").count() == 2


@pytest.mark.django_db(transaction=True)
def test_rows_and_files_of_old_makings_go_together(
    living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "KEPT", 2)
    project = str(living.bank.project.pk)
    for _ in range(3):
        embeddings.refresh(project, {})
    listed = [int(row.made_at.timestamp() * 1000) for row in EmbeddingTable.objects.all()]
    kept = files(folder_of(models.artefact(living.version), project))
    assert sorted(listed) == sorted(int(file.stem) for file in kept)
    assert len(listed) == 2


@pytest.mark.django_db(transaction=True)
def test_what_was_looked_up_stands_in_the_block_and_a_challenger_looks_up_its_own(
    living: Living, payments: Columns
) -> None:
    project = str(living.bank.project.pk)
    embeddings.refresh(project, {})
    customer = str(payments[ENTITY + "customer"][-1])
    told = until_found(living, payments, customer)
    columns = assemble(told)
    assert columns["features.embedding_age"][0] == np.float32(age(told))
    # Another version of the same forest reads the embeddings of its own encoder.
    folder = models.artefact(living.version)
    other = folder.parent / "other"
    shutil.copytree(folder, other)
    again = _scores(other, columns, project)
    np.testing.assert_allclose(again, columns["score"], atol=1e-12)
    for file in files(folder_of(other, project)):
        file.unlink()
    with pytest.raises(InputRefused, match="none are kept of the time before"):
        _scores(other, columns, project)


@pytest.mark.django_db(transaction=True)
def test_a_shadow_runs_with_its_own_embeddings(
    living: Living, trained: Path, payments: Columns
) -> None:
    bank = living.bank
    make = "apps.fraud.inference.uploads:check_artefact"
    second = models.install_made(SYSTEM, bank.project, "fraud", "ready", make, trained / BUNDLE)
    embeddings.refresh(str(bank.project.pk), {})
    assert set(EmbeddingTable.objects.values_list("model_version", flat=True)) == {
        living.version.pk, second.pk,
    }  # fmt: skip
    run = shadows.begin(bank.actor("engineer"), bank.project, version=second.pk)
    customer = str(payments[ENTITY + "customer"][-1])
    bank.keep(assemble(until_found(living, payments, customer)))
    shadow_work.turn(bank.project.pk)
    run.refresh_from_db()
    assert (run.rows, run.skipped, run.same) == (1, 0, 1), run.error


@pytest.mark.django_db
def test_measured_again_it_comes_to_the_figures_of_its_training(
    trained: Path, payments: Columns, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "out").mkdir()
    write(payments, data / "payments.parquet")
    (data / "scheme.json").write_text(CARD_PAYMENTS.model_dump_json())
    panel = evaluate(
        artefact=trained / ARTEFACT, data=data, out=tmp_path / "out", reporter=ConsoleReporter()
    )
    first, then = read_panel(trained).figure("average_precision"), panel.figure("average_precision")
    assert first is not None
    assert then is not None
    assert then.value == pytest.approx(first.value, abs=2e-3)


@pytest.mark.django_db
def test_without_a_model_that_reads_embeddings_nothing_is_made(bank: Bank) -> None:
    project = str(bank.project.pk)
    assert embeddings.refresh(project, {}) == "no model here reads embeddings"
    with pytest.raises(InputRefused, match="most_rows is 0"):
        embeddings.refresh(project, {"most_rows": 0})
    assert ready.declared(bank.project.pk) == {}
    assert OperatingPoint().embeddings == ""


def _keys(name: str) -> np.ndarray:
    return keys_of(np.array([name]))


def _scores(artefact: Path, columns: Columns, project: str) -> np.ndarray:
    point = OperatingPoint(embeddings=project)
    decided = App.decide_columns(columns, point)
    decisions = Decisions(columns=columns, production=decided, rows=np.arange(len(columns["id"])))
    return Challenger(artefact, point).scored(decisions, again=True)["score"]

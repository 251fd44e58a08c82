"""Jobs of apps with live state and a model behind it: told, scored, stored and heard of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.apps import apps as django_apps
from django.db import transaction

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.contract.blocks import StoredBlock
from loupe.contract.runtime.errors import InputRefused, TemporarilyUnavailable
from loupe.contract.runtime.payload import Payload
from loupe.host import live
from loupe.intake.models import Channel
from loupe.intake.sources import Source
from loupe.jobs import block_results, claims, context, services
from loupe.jobs.execution.bench import Bench
from loupe.jobs.execution.item import work_on
from loupe.jobs.execution.shift import Shift, informed
from loupe.jobs.execution.store import store
from loupe.jobs.filters import Filters
from loupe.jobs.models import Item, ItemState, Job, JobState, ResultBlock
from loupe.plugins import registry as installed
from loupe.registry import services as registry

APP = "chained_probe"
Submit = Callable[..., Job]


@pytest.fixture
def submit(place: Path, project: Project) -> Submit:
    registry.register_shipped(APP)

    def submitted(*rows: str, to: Project = project, branch: str = "") -> Job:
        path = place / "source"
        path.write_text("\n".join(["id,account,cents,shop", *rows]) + "\n")
        facts = {"branch": branch} if branch else {}
        source = Source(name="may.csv", path=path)
        return services.submit(SYSTEM, to, APP, Channel.REST, [source], "a test", facts=facts)

    return submitted


def alerts() -> Any:
    return django_apps.get_model(APP, "Alert")._default_manager.order_by("result_id")


def rows_of(project: Project) -> list[Any]:
    found = block_results.page(project.pk, APP, Filters(), None, 100)
    return sorted(found, key=lambda one: one.id)


def test_rows_are_scored_stored_and_read_back_with_their_dictionaries(
    submit: Submit, bench: Bench, project: Project
) -> None:
    job = submit("1,a,1,x", "2,a,3,")
    Shift(bench, [APP], 60).run()
    job.refresh_from_db()
    assert job.state == JobState.DONE
    first, second = rows_of(project)
    assert first.data.model_dump() == {
        "schema_version": 1,
        "id": "1",
        "account": "a",
        "cents": 1,
        "score": 0.5,
        "places": {"shop": "x"},
        "features": {"share": 1.0},
    }
    assert second.data.features == {"share": 0.75, "before": 1.0}
    assert [one.outcome for one in (first, second)] == ["stop", "stop"]
    assert first.provenance.model_name == "shares"
    assert {"read", "state", "queue", "score", "decide", "store"} <= set(first.times_ms)
    seen = block_results.view(SYSTEM, APP, second.id)
    assert seen is not None
    assert seen.decision.reasons[0].code == "unusual"


def test_the_app_hears_of_its_blocks_in_the_transaction_that_stores_them(
    submit: Submit, bench: Bench, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[StoredBlock] = []
    monkeypatch.setattr("chained_probe.hearing.on_blocks", heard.extend)
    job = submit("1,a,9,x", "2,a,1,", branch="north")
    Shift(bench, [APP], 60).run()
    (block,) = heard
    stored = ResultBlock.objects.get(job=job)
    assert (block.block_id, block.job_id, block.project_id) == (stored.pk, job.pk, project.pk)
    assert (block.session, block.position, block.input_name) == (str(job.pk), 0, "may.csv")
    assert block.facts == {"branch": "north"}
    assert (block.rows, block.outcomes) == (2, {"pass": 1, "stop": 1})
    assert block.provenance.model_name == "shares"
    assert block.model_version_id == stored.provenance.model_version_id
    assert block.operating_point_id == stored.provenance.operating_point_id
    assert block.operating_point == installed.get(APP).operating_point_schema()
    columns, decisions = block.read()
    assert columns["account"].tolist() == ["a", "a"]
    assert columns["features.share"].dtype == np.float32
    assert decisions.outcome.tolist() == ["stop", "pass"]
    assert [one.id for one in rows_of(project)] == [block.result_id(0), block.result_id(1)]


def test_alerts_of_a_job_carry_its_session(submit: Submit, bench: Bench, project: Project) -> None:
    job = submit("1,a,9,x", "2,b,1,")
    Shift(bench, [APP], 60).run()
    assert [(one.account, one.session) for one in alerts()] == [
        ("a", str(job.pk)),
        ("b", str(job.pk)),
    ]
    assert [one.result_id for one in alerts()] == [one.id for one in rows_of(project)]


def test_an_error_of_the_app_that_hears_undoes_the_block(
    submit: Submit, bench: Bench, project: Project
) -> None:
    submit("1,unheard,9,x")
    (claim,) = [claims.claim([APP], 1)]
    assert claim is not None
    finished = work_on(bench, informed(claim), claim.items[0])
    with pytest.raises(InputRefused, match="Nobody may hear of it"), transaction.atomic():
        store([finished])
    assert not ResultBlock.objects.exists()
    assert Item.objects.get().state == ItemState.LEASED


def test_an_item_done_twice_moves_the_state_once(
    submit: Submit, bench: Bench, project: Project
) -> None:
    submit("1,twice,3,")
    claim = claims.claim([APP], 1)
    assert claim is not None
    claim = informed(claim)
    first, second = (work_on(bench, claim, claim.items[0]) for _ in range(2))
    assert store([first]) == 1
    assert store([second]) == 0
    question = Payload(
        meta={"project": str(project.pk), "session": str(claim.job.pk), "account": "twice"}
    )
    assert live.ask(APP, question).meta["total"] == 3


def test_parsing_and_the_service_are_told_the_projects_context(
    submit: Submit, bench: Bench
) -> None:
    thousands = Project.objects.create(slug="thousands", name="thousands")
    submit("1,a,2,", to=thousands)
    Shift(bench, [APP], 60).run()
    (row,) = rows_of(thousands)
    assert row.data.cents == 2000


def test_a_context_that_cannot_be_had_fails_the_items_and_says_why(
    submit: Submit, bench: Bench
) -> None:
    broken = Project.objects.create(slug="broken", name="broken")
    job = submit("1,a,2,", to=broken)
    Shift(bench, [APP], 60).run()
    item = Item.objects.get(job=job)
    assert (item.state, item.error_code) == (ItemState.FAILED, "broken_project")
    assert item.error == "This project is broken."


def test_a_context_is_kept_for_a_second(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    app = installed.get(APP)
    assert context.remembered(app, project.pk, {}) is None
    assert context.of(app, project.pk, {})["unit"] == 1
    Project.objects.filter(pk=project.pk).update(name="thousands")
    assert context.of(app, project.pk, {})["unit"] == 1
    assert context.of(app, project.pk, {"branch": "north"})["unit"] == 1000
    monkeypatch.setattr(context, "FRESH_S", 0.0)
    assert context.of(app, project.pk, {})["unit"] == 1000


def test_an_apps_own_requests_reach_its_live_state_once(
    place: Path, bench: Bench, project: Project
) -> None:
    purchase = Payload(
        arrays={
            "id": np.array(["1"]),
            "account": np.array(["mine"]),
            "cents": np.array([5], dtype=np.int64),
        }
    )
    for _ in range(2):
        assert live.apply(APP, project.pk, "one", purchase).arrays["features.share"] == [1.0]
    question = Payload(meta={"project": str(project.pk), "account": "mine"})
    assert live.ask(APP, question).meta["total"] == 5
    forget = Payload(meta={"kind": "forget", "account": "mine"})
    assert live.apply(APP, project.pk, "two", forget).meta == {"forgotten": 5}
    assert live.ask(APP, question).meta["total"] == 0
    other = UUID(int=project.pk.int ^ 1)
    with pytest.raises(Project.DoesNotExist):
        live.apply(APP, other, "one", purchase)


def test_without_an_engine_an_apps_requests_are_told_to_come_again(
    place: Path, project: Project, settings: Any
) -> None:
    settings.ENGINE_SOCKET = place / "no-engine.sock"
    with pytest.raises(TemporarilyUnavailable):
        live.ask(APP, Payload())
    with pytest.raises(TemporarilyUnavailable):
        live.apply(APP, project.pk, "one", Payload())

"""A service followed by a model: one call, both answers merged, state moved once."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loupe.contract.runtime.errors import InputRefused, ModelRefused
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.engine.aio_client import AsyncEngineClient
from loupe.engine.client import EngineClient
from loupe.engine.errors import RequestRefused
from loupe.engine.exchange import Model
from loupe.plugins import registry
from loupe.testing.conformance.subject import package_folder
from loupe.testing.engine import installed, running_engine

pytestmark = pytest.mark.serial

APP = "chained_probe"
MODEL = Model("chained_probe.shared.shares", 1)
TOLD: dict[str, JsonValue] = {"project": "p", "session": "live"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    app = registry.get(APP)
    installed(package_folder(app) / app.shipped_models[0], folder, MODEL.name)
    return folder


@pytest.fixture(scope="module")
def client(models: Path) -> Iterator[EngineClient]:
    with running_engine(models=models) as found:
        yield found


def purchases(account: str, *cents: int, **meta: JsonValue) -> Payload:
    count = len(cents)
    return Payload(
        arrays={
            "id": np.array([f"编号{n}" for n in range(count)]),
            "account": np.array([account] * count),
            "cents": np.array(cents, dtype=np.int64),
        },
        meta={**TOLD, **meta},
    )


def total(client: EngineClient, account: str) -> object:
    with client.ask(APP, Payload(meta={**TOLD, "account": account})) as answer:
        return answer.payload.meta["total"]


def test_the_model_answers_the_services_answer_and_both_come_back(client: EngineClient) -> None:
    with client.apply(APP, "both", purchases("a", 1, 3), model=MODEL) as answer:
        arrays = answer.payload.arrays
        assert arrays["id"].tolist() == ["编号0", "编号1"]
        assert arrays["features.share"].tolist() == [1.0, 0.75]
        assert arrays["features.share"].dtype == np.float32
        assert arrays["score"].tolist() == [0.5, 0.75]
        assert answer.payload.meta == {"unit": 0, "session": "live", "together": 1}
        assert {"state", "queue", "score"} == set(answer.times_ms)
        assert answer.artefact_sha256


def test_without_a_model_the_service_answers_alone(client: EngineClient) -> None:
    with client.apply(APP, "alone", purchases("alone", 1)) as answer:
        assert "score" not in answer.payload.arrays
        assert answer.artefact_sha256 == ""


def test_a_repeated_id_gets_the_kept_answer_and_the_model_runs_again(client: EngineClient) -> None:
    for _ in range(2):
        with client.apply(APP, "again", purchases("again", 5), model=MODEL) as answer:
            assert answer.payload.arrays["score"].tolist() == [0.5]
            assert answer.times_ms["queue"] >= 0
    assert total(client, "again") == 5


def test_both_clients_and_large_batches_agree(client: EngineClient) -> None:
    many = purchases("large", *range(20_000))
    with client.apply(APP, "large", many, model=MODEL) as answer:
        first = {name: array.copy() for name, array in answer.payload.arrays.items()}

    async def ask() -> Any:
        other = AsyncEngineClient(client.socket)
        try:
            return (await other.apply(APP, "large", many, model=MODEL)).payload.arrays
        finally:
            await other.close()

    second = asyncio.run(ask())
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(second[name], array)


def test_a_model_that_is_not_there_refuses_before_the_state_moves(client: EngineClient) -> None:
    missing = Model("chained_probe.shared.nothing", 1)
    with pytest.raises(ModelRefused):
        client.apply(APP, "missing", purchases("missing", 5), model=missing)
    assert total(client, "missing") == 0


def test_what_the_service_refuses_never_reaches_the_model(client: EngineClient) -> None:
    with pytest.raises(InputRefused, match="takes no purchases") as refused:
        client.apply(APP, "no", purchases("refused", 5), model=MODEL)
    assert refused.value.code == "account_refused"


def test_the_runner_is_told_its_options(client: EngineClient) -> None:
    told = Model(MODEL.name, MODEL.version, {"fail": True})
    with pytest.raises(InputRefused, match="The model refuses it"):
        client.apply(APP, "told", purchases("told", 5), model=told)
    assert total(client, "told") == 5, "the state has moved: a repeat gets the kept answer"
    with client.apply(APP, "told", purchases("told", 5), model=MODEL) as answer:
        assert answer.payload.arrays["score"].tolist() == [0.5]


def test_a_question_is_answered_and_moves_nothing(client: EngineClient) -> None:
    with client.apply(APP, "asked", purchases("asked", 7)):
        pass
    before = client.statistics()["services"][APP]["requests"]
    assert total(client, "asked") == total(client, "asked") == 7
    assert client.statistics()["services"][APP]["requests"] == before


def test_a_service_that_answers_no_questions_says_so(client: EngineClient) -> None:
    with pytest.raises(RequestRefused, match="answers no questions"):
        client.ask("stateful_probe", Payload())


def test_contexts_are_journalled_once_and_come_back_after_a_kill(
    models: Path, tmp_path: Path
) -> None:
    told: dict[str, JsonValue] = {"unit": 7, "note": "n" * 5000}
    work = [purchases("kept", n, context={**told, "unit": n % 2}) for n in range(1, 40)]
    journalled, again = tmp_path / "state", tmp_path / "after a kill"
    with running_engine(models=models, state=journalled) as client:
        for number, payload in enumerate(work):
            with client.apply(APP, f"r{number}", payload) as answer:
                assert answer.payload.meta["unit"] == (number + 1) % 2
        (journal,) = (journalled / APP).glob("journal-*.log")
        assert 2 * 5000 < journal.stat().st_size < 10 * 5000
        shutil.copytree(journalled, again)  # what a kill would leave: no snapshot yet
    with running_engine(models=models, state=again) as client:
        assert total(client, "kept") == sum(range(1, 40))
        with client.apply(APP, "r38", work[38]) as answer:
            assert answer.payload.meta["unit"] == 1
        with client.apply(APP, "more", work[0]) as answer:
            assert answer.payload.meta["unit"] == 1


def test_a_request_cannot_pretend_to_be_journalled(client: EngineClient) -> None:
    odd = Payload(meta={**TOLD, "\0context": "0" * 64})
    with pytest.raises(RequestRefused):
        client.apply(APP, "odd", odd)

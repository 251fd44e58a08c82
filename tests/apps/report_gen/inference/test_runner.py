"""The engine's step: a volume in, findings with a place, masks and drafts out, in any thread."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from apps.report_gen.assembling import assemble
from apps.report_gen.findings import KEYS
from apps.report_gen.inference.manifest import manifest_of
from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.report_network import ReportNetwork
from apps.report_gen.inference.runner import DraftRunner
from apps.report_gen.inference.shape import TOY
from apps.report_gen.inference.stored import Model, store
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.masks import labels_of
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.payload import Payload

pytestmark = pytest.mark.slow

SHAPE = (40, 60, 60)
SPACING = [6.0, 6.0, 6.0]
AFFINE = np.diag([6.0, 6.0, 6.0, 1.0]).tolist()


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> DraftRunner:
    """One with random weights: what it finds means nothing, its form does."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("model")
    store(
        folder,
        Model(
            shape=TOY, image=ImageNetwork(TOY), report=ReportNetwork(TOY), verdicts=Verdicts(),
            card={},
        ),
    )  # fmt: skip
    return DraftRunner(folder, manifest_of(folder, "toy"))


def _request(seed: int = 0, **more: object) -> Payload:
    hu = np.random.default_rng(seed).integers(-1000, 300, SHAPE).astype(np.int16)
    volume = {"shape": list(SHAPE), "spacing": SPACING, "affine": AFFINE}
    told = {"study_uid": "2.25.1", "volume": volume, "text": "cough", "question": "Effusion?"}
    meta = {"status": "drafted", **told, **more}
    return Payload(arrays={"hu": hu}, meta=meta)  # type: ignore[arg-type]


def test_an_answer_becomes_a_result_with_every_finding_and_drafts_in_both_languages(
    runner: DraftRunner,
) -> None:
    clock = StageClock()
    (answer,) = runner.infer([_request(languages="en,zh", language="zh")], clock)
    result = assemble(answer)
    assert {each.kind for each in result.findings} == set(KEYS)
    assert [each.language for each in result.drafts] == ["zh", "en"]
    ids = {each.id for each in result.findings}
    for draft in result.drafts:
        assert draft.sentences
        assert all(set(each.findings) <= ids for each in draft.sentences)
    assert result.masks is not None
    assert result.masks.grid.shape == TOY.grid
    told = {each.label for each in result.findings if each.label}
    assert told <= set(np.unique(labels_of(result.masks)).tolist())
    assert result.model is not None
    assert "phantoms" in result.model.trained_on.en
    assert {"prepare", "find", "write"} <= set(clock.times_ms)
    assert "text" not in answer.meta
    assert "question" not in answer.meta
    assert any("胸腔积液" in each.text for each in result.drafts[0].sentences)


def test_a_model_that_was_made_ready_answers_as_before(runner: DraftRunner) -> None:
    before = runner.infer([_request(languages="en,zh")], StageClock())[0]
    runner.ready()
    after = runner.infer([_request(languages="en,zh")], StageClock())[0]
    assert before.meta == after.meta
    assert (before.arrays["labels"] == after.arrays["labels"]).all()


def test_a_refused_study_is_answered_as_it_came(runner: DraftRunner) -> None:
    asked = Payload(
        arrays={"hu": np.zeros((1, 1, 1), np.int16)},
        meta={"status": "refused", "reasons": [], "study_uid": "2.25.9"},
    )
    (answer,) = runner.infer([asked], StageClock())
    result = assemble(answer)
    assert (result.status, result.study_uid, result.masks) == ("refused", "2.25.9", None)


def test_several_threads_get_what_one_gets(runner: DraftRunner) -> None:
    alone = [runner.infer([_request(seed)], StageClock())[0] for seed in range(3)]
    with ThreadPoolExecutor(3) as threads:
        together = list(
            threads.map(lambda seed: runner.infer([_request(seed)], StageClock())[0], range(3))
        )
    for one, other in zip(alone, together, strict=True):
        assert one.meta == other.meta
        assert (one.arrays["labels"] == other.arrays["labels"]).all()

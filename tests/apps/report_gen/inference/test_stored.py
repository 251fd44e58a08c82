"""The model on disk."""

import json
from pathlib import Path

import pytest
import torch

from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.report_network import ReportNetwork
from apps.report_gen.inference.shape import TOY, Shape
from apps.report_gen.inference.stored import SHARD_BYTES, Model, fetch, quantised, restored, store
from apps.report_gen.inference.verdicts import Verdicts
from loupe.contract.runtime.errors import ModelRefused


@pytest.fixture
def model() -> Model:
    torch.manual_seed(1)
    return Model(
        shape=TOY, image=ImageNetwork(TOY).eval(), report=ReportNetwork(TOY).eval(),
        verdicts=Verdicts(peak=(0.2, 0.4)), card={"use": "research use; not for diagnosis"},
    )  # fmt: skip


def test_a_stored_weight_is_off_by_half_a_step_of_its_row_at_most() -> None:
    weight = torch.randn(7, 5, 3) * torch.logspace(-3, 2, 7)[:, None, None]
    back = restored(quantised({"w": weight}))["w"]
    steps = weight.flatten(1).abs().amax(1) / 127
    assert ((back - weight).flatten(1).abs().amax(1) <= 0.51 * steps + 0.064 * steps).all()


def test_a_model_comes_back_with_answers_next_to_its_own(model: Model, tmp_path: Path) -> None:
    store(tmp_path, model)
    back = fetch(tmp_path)
    volume = torch.rand(1, 3, *TOY.grid)
    with torch.no_grad():
        first, second = model.image(volume).states, back.image(volume).states
    assert (first - second).abs().max() < 0.15 * first.std() + 0.02
    assert back.verdicts == model.verdicts
    assert back.card == model.card


@pytest.mark.slow
def test_the_whole_model_stays_under_20_mb_in_shards_under_16() -> None:
    shape = Shape()
    count = sum(
        p.numel() for m in (ImageNetwork(shape), ReportNetwork(shape)) for p in m.parameters()
    )
    assert 16e6 < count < 19e6
    assert SHARD_BYTES < 16e6


def test_damaged_missing_and_foreign_files_are_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="holds no"):
        fetch(tmp_path)
    store(tmp_path, model)
    shard = tmp_path / "weights-1.safetensors"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelRefused, match="not the one"):
        fetch(tmp_path)
    shard.unlink()
    with pytest.raises(ModelRefused, match="missing"):
        fetch(tmp_path)
    shard.write_bytes(whole)
    record = json.loads((tmp_path / "model.json").read_text())
    record["shape"]["grid"] = [17, 32, 32]
    (tmp_path / "model.json").write_text(json.dumps(record))
    with pytest.raises(ModelRefused, match="multiples of 16"):
        fetch(tmp_path)
    (tmp_path / "model.json").write_text("[]")
    with pytest.raises(ModelRefused, match="not a record"):
        fetch(tmp_path)

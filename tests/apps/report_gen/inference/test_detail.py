"""The volume at full resolution beside the pyramid."""

from dataclasses import replace
from pathlib import Path

import torch

from apps.report_gen.inference.detail import beside
from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.report_network import ReportNetwork
from apps.report_gen.inference.shape import TOY, Shape
from apps.report_gen.inference.stored import Model, fetch, store
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.training.beginning import begin_with
from apps.report_gen.training.recipe import TOY_RECIPE


def test_a_block_of_eight_voxels_becomes_the_channels_of_one() -> None:
    volume = torch.arange(2 * 4 * 6 * 8.0).view(1, 2, 4, 6, 8)
    made = beside(volume)
    assert made.shape == (1, 16, 2, 3, 4)
    for channel in range(2):
        block = volume[0, channel, 2:4, 4:6, 6:8].flatten()
        assert torch.equal(made[0, 8 * channel : 8 * channel + 8, 1, 2, 3], block)


def test_a_single_voxel_moves_the_centres_by_where_in_its_block_it_lies() -> None:
    torch.manual_seed(3)
    network = ImageNetwork(TOY).eval()
    assert network.detail is not None
    fine = torch.zeros(1, TOY.fine, *(size // 2 for size in TOY.grid))
    answers = []
    for at in (20, 21):
        volume = torch.zeros(1, 3, *TOY.grid)
        volume[0, :, 16, 24, at] = 1.0
        with torch.no_grad():
            answers.append(network.detail(volume, fine)[0, :, 8, 12, 10])
    assert not torch.allclose(answers[0], answers[1])


def test_a_model_stored_without_it_reads_as_before_and_training_adds_it_silently(
    tmp_path: Path,
) -> None:
    torch.manual_seed(4)
    plain = replace(TOY, detail=0)
    model = Model(
        shape=plain, image=ImageNetwork(plain).eval(), report=ReportNetwork(plain),
        verdicts=Verdicts(), card={},
    )  # fmt: skip
    store(tmp_path, model)
    record = tmp_path / "model.json"
    record.write_text(record.read_text().replace('"detail": 0,', ""))
    assert '"detail"' not in record.read_text()
    old = fetch(tmp_path)
    assert old.shape == plain
    grown = ImageNetwork(TOY)
    named = begin_with(grown, tmp_path, TOY_RECIPE, "image")
    assert named
    assert all(name.startswith("detail.") for name in named)
    volume = torch.rand(1, 3, *TOY.grid)
    with torch.no_grad():
        first, second = old.image(volume), grown.eval()(volume)
    for name, one, other in zip(first._fields, first, second, strict=True):
        assert torch.allclose(one, other, atol=1e-5), name


def test_the_shipped_shape_looks_at_full_resolution() -> None:
    assert ImageNetwork(Shape()).detail is not None

"""Both reconstructions of one real scan are told the same findings; the scan is no part of this."""

from pathlib import Path

import pytest
import torch

from apps.report_gen.findings import KEYS, State
from apps.report_gen.inference.draft import prepare
from apps.report_gen.inference.folding import folded
from apps.report_gen.inference.looking import looked_at
from apps.report_gen.inference.stored import fetch
from apps.report_gen.reading.studies import read_study

ROOT = Path(__file__).resolve().parents[4]
CT = ROOT.parent / "shared" / "data" / "ct"
MODEL = ROOT / "apps/report_gen/models_shipped/chest"
SHARP, SOFT = (CT / f"Lung_Dx-A0001_{name}_64sl_256.nii.gz" for name in ("s2_L", "s3_B"))

pytestmark = [
    pytest.mark.skipif(not CT.is_dir(), reason="real scans are not part of the repository"),
    pytest.mark.slow,
]


def test_a_sharp_and_a_soft_kernel_of_one_chest_give_the_same_states() -> None:
    model = fetch(MODEL, "cpu")
    network = folded(model.image)
    told: list[dict[str, State]] = []
    for path in (SHARP, SOFT):
        volume = read_study([path]).volume
        assert volume is not None
        windows = prepare(torch.from_numpy(volume.hu), volume.spacing, model.shape).windows
        with torch.no_grad():
            logits = looked_at(network, windows, torch.float32)[1].states
        chances = model.verdicts.probabilities(logits.numpy().astype(float))
        told.append(dict(zip(KEYS, model.verdicts.states(chances)[0], strict=True)))
    assert told[0] == told[1]
    assert State.PRESENT in told[0].values()

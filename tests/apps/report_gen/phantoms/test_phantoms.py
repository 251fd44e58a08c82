"""Phantoms: what their truth says is what their masks hold."""

import numpy as np
import pytest
import torch

from apps.report_gen.findings import FOCAL, KEYS, KINDS, Lobe, Side, State
from apps.report_gen.inference.measuring import measures
from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.phantoms.phantom import Phantom, make, some_wanted
from apps.report_gen.phantoms.wanted import Scan, Wanted

SMALL = Grid(shape=(48, 64, 64), spacing=(6.6, 5.6, 5.6))
EVERYTHING = frozenset(KEYS)
QUIET = Scan(noise=4.0)


@pytest.fixture(scope="module")
def full() -> Phantom:
    """One with every finding."""
    return make(12, SMALL, Wanted(findings=EVERYTHING, scan=QUIET))


@pytest.fixture(scope="module")
def healthy() -> Phantom:
    return make(12, SMALL, Wanted(scan=QUIET))


def test_a_seed_gives_the_same_bits_and_another_seed_another_body() -> None:
    tiny = Grid(shape=(24, 32, 32), spacing=(13.0, 11.0, 11.0))
    first, second, other = make(5, tiny), make(5, tiny), make(6, tiny)
    for name in ("hu", "regions", "labels", "lobes"):
        assert torch.equal(getattr(first, name), getattr(second, name))
    assert first.truth == second.truth
    assert not torch.equal(first.hu, other.hu)


def test_the_healthy_have_no_finding_and_no_mask(healthy: Phantom) -> None:
    assert not healthy.truth.present()
    assert not healthy.regions.any()
    assert not healthy.labels.any()


def test_a_finding_is_told_exactly_when_its_mask_holds_voxels(full: Phantom) -> None:
    for bit, key in enumerate(KEYS):
        inside = ((full.regions >> bit) & 1).bool()
        told = full.truth.states()[key] is State.PRESENT
        assert not told or inside.any(), key
    missing = EVERYTHING - {one.kind for one in full.truth.present()}
    # Calcium is smaller than these voxels, and lesions that would touch others are left out.
    assert missing <= {"arterial_calcification", "coronary_calcification", "lung_nodule"}


def test_a_side_is_the_patients_side_of_its_mask(full: Phantom) -> None:
    right = torch.arange(64)[None, None].expand(full.hu.shape) >= 32
    for finding in full.truth.present():
        if finding.side is Side.NONE:
            continue
        if finding.label:
            mask = full.labels == finding.label
        else:
            mask = ((full.regions >> KEYS.index(finding.kind)) & 1).bool()
        share = float((mask & right).sum() / mask.sum())
        assert {Side.RIGHT: share > 0.85, Side.LEFT: share < 0.15, Side.BOTH: 0.05 < share < 0.95}[
            finding.side
        ], finding


def test_the_heart_lies_left_and_the_liver_right(healthy: Phantom) -> None:
    soft = (healthy.hu > 0) & (healthy.hu < 120)
    low = soft[6:14, 20:48].float().mean((0, 1))
    assert low[36:52].mean() > 1.3 * low[12:28].mean()
    enlarged = make(12, SMALL, Wanted(findings=frozenset({"cardiomegaly"}), scan=QUIET))
    heart = ((enlarged.regions >> KEYS.index("cardiomegaly")) & 1).nonzero().float()
    assert heart[:, 2].mean() < 31.5 - 1


def test_lobes_lie_on_their_side_and_upper_ones_above_lower_ones(healthy: Phantom) -> None:
    height = {}
    for value, lobe in enumerate(Lobe, 1):
        at = (healthy.lobes == value).nonzero().float()
        assert len(at) > 100, lobe
        height[lobe] = float(at[:, 0].mean())
        middle = float(at[:, 2].mean())
        assert (middle > 31.5) == (lobe.side is Side.RIGHT)
    assert height[Lobe.RIGHT_UPPER] > height[Lobe.RIGHT_MIDDLE] > height[Lobe.RIGHT_LOWER]
    assert height[Lobe.LEFT_UPPER] > height[Lobe.LEFT_LOWER]
    air = healthy.hu[healthy.lobes > 0].float()
    assert -950 < air.quantile(0.25) < -760


def test_sides_and_lobes_never_contradict_one_another(full: Phantom) -> None:
    for seed in range(3):
        for finding in make(seed, SMALL).truth.present() + full.truth.present():
            for lobe in finding.lobes:
                assert finding.side in (Side.BOTH, lobe.side)
            assert bool(finding.label) == (finding.kind in FOCAL)
            assert (finding.size_mm is not None) == KINDS[finding.kind].sized


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("pleural_effusion", -40, 60), ("pneumothorax", -1024, -930),
        ("consolidation", -160, 90), ("pericardial_effusion", -40, 60),
    ],
)  # fmt: skip
def test_what_is_in_a_mask_has_the_hu_of_its_kind(key: str, low: int, high: int) -> None:
    fine = Grid(shape=(80, 112, 112), spacing=(4.0, 3.2, 3.2))
    made = make(4, fine, Wanted(findings=frozenset({key}), scan=QUIET))
    inside = made.hu[((made.regions >> KEYS.index(key)) & 1).bool()].float()
    assert low < inside.median() < high


def test_the_same_person_scanned_otherwise_differs_in_noise_not_in_truth() -> None:
    asked = frozenset({"cardiomegaly", "pleural_effusion"})
    plain = make(3, SMALL, Wanted(findings=asked, scan=Scan(noise=5)))
    noisy = make(3, SMALL, Wanted(findings=asked, scan=Scan(noise=60)))
    assert plain.truth == noisy.truth
    air = torch.zeros_like(plain.lobes, dtype=torch.bool)
    air[:, :6, :6] = True
    assert noisy.hu[plain.lobes > 0].float().std() > plain.hu[plain.lobes > 0].float().std()


def test_a_size_is_the_longest_axial_diameter_of_the_mask() -> None:
    spacing = (2.0, 1.0, 1.0)
    z, y, x = np.ogrid[-20:21, -40:41, -40:41]
    ball = (z * 2.0) ** 2 + y**2 + x**2 <= 15**2
    found = measures(np.argwhere(ball), spacing)
    assert found.longest == pytest.approx(30, abs=1.2)
    assert found.millilitres == pytest.approx(4 / 3 * np.pi * 15**3 / 1000, rel=0.03)
    assert found.centre == pytest.approx((40, 40, 40), abs=0.01)
    rod = (np.abs(z) < 3) & (np.abs(y - x) <= 1) & (np.abs(x) <= 20)
    assert measures(np.argwhere(rod), spacing).longest == pytest.approx(20 * 2 * 2**0.5, abs=3)


def test_random_phantoms_show_each_finding_in_a_share_of_people() -> None:
    asked = [some_wanted(seed).findings for seed in range(400)]
    for key in KEYS:
        assert 0.08 < np.mean([key in one for one in asked]) < 0.5, key
    assert np.mean([not one for one in asked]) > 0.08

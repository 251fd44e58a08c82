"""Nodules in real scans: where they go, what they leave as it was, and that their truth is true."""

import numpy as np
import pytest

from apps.report_gen.bridge.inserting import Inserter
from apps.report_gen.bridge.placing import Box, ball
from apps.report_gen.bridge.scanning import blur_mm
from apps.report_gen.findings import Side
from apps.report_gen.phantoms.shapes import shapes
from tests.apps.report_gen.bridge.chests import SPACING, chest


@pytest.fixture(scope="module")
def inserter() -> Inserter:
    return Inserter(chest(), known=[], held_out=True)


def test_the_scan_changes_at_the_nodules_alone(inserter: Inserter) -> None:
    volume, made = inserter.insert(5, np.random.default_rng(1))
    assert len(made) == 5
    changed = np.argwhere(volume.hu != inserter.volume.hu) * np.asarray(SPACING)
    away = np.min([np.linalg.norm(changed - each.centre, axis=1) for each in made], axis=0)
    assert away.max() < 2 * max(each.shape.diameter for each in made) + 12


def test_a_nodule_is_denser_than_the_lung_that_was_there(inserter: Inserter) -> None:
    volume, made = inserter.insert(5, np.random.default_rng(2))
    for each in made:
        at = tuple(each.voxels.T)
        gain = volume.hu[at].astype(float) - inserter.volume.hu[at]
        assert gain.mean() > 60


def test_the_noise_of_the_place_stays(inserter: Inserter) -> None:
    volume, made = inserter.insert(12, np.random.default_rng(3))
    # Second differences leave the grain and take what varies smoothly away.
    before, after = (
        np.diff(each.astype(float), 2, axis=2) for each in (inserter.volume.hu, volume.hu)
    )
    grains = []
    for each in made:
        z, y, x = (round(at / step) for at, step in zip(each.centre, SPACING, strict=True))
        if each.size_mm > 9:
            near = (slice(z, z + 1), slice(y - 2, y + 3), slice(x - 3, x + 2))
            grains.append((before[near].ravel(), after[near].ravel()))
    assert grains
    one, other = (np.concatenate(each) for each in zip(*grains, strict=True))
    assert np.corrcoef(one, other)[0, 1] > 0.5


def test_sides_and_sizes_are_those_of_what_was_drawn(inserter: Inserter) -> None:
    columns = inserter.volume.shape[2] * SPACING[2]
    _, made = inserter.insert(6, np.random.default_rng(4))
    for each in made:
        assert each.side is (Side.RIGHT if each.centre[2] > columns / 2 else Side.LEFT)
        assert 0.5 * each.shape.longest < each.size_mm < 2 * each.shape.longest + 2
        low, high = (each.voxels.min(0) * SPACING, each.voxels.max(0) * SPACING)
        assert np.all(low - 1e-6 <= np.asarray(each.centre))
        assert np.all(np.asarray(each.centre) <= high + 1e-6)


def test_nothing_is_put_into_vessels_walls_or_known_lesions() -> None:
    volume = chest()
    hu = volume.hu
    hu[:, 95:105, ::12] = 60  # vessels across both lungs
    left_half: Box = ((0.0, 300.0), (0.0, 300.0), (0.0, 168.0))
    inserter = Inserter(volume, known=[left_half], held_out=True)
    _, made = inserter.insert(6, np.random.default_rng(5))
    assert made
    for each in made:
        assert each.side is Side.RIGHT
        around = ball(volume, each.centre, each.shape.diameter / 2)
        assert (around > -300).mean() < 0.1


def test_measuring_draws_from_patients_that_training_never_uses(inserter: Inserter) -> None:
    _, made = inserter.insert(6, np.random.default_rng(6))
    training = set(shapes(held_out=False))
    assert all(each.shape not in training for each in made)


def test_the_same_seed_puts_the_same_nodules(inserter: Inserter) -> None:
    first, one = inserter.insert(3, np.random.default_rng(7))
    second, other = inserter.insert(3, np.random.default_rng(7))
    assert np.array_equal(first.hu, second.hu)
    assert [each.centre for each in one] == [each.centre for each in other]


def test_a_lung_without_room_takes_nothing() -> None:
    volume = chest()
    volume.hu[...] = 40
    made = Inserter(volume, known=[], held_out=True).insert(3, np.random.default_rng(0))[1]
    assert made == ()


@pytest.mark.parametrize("blur", [0.8, 1.3])
def test_the_blur_of_a_scan_is_read_off_its_edges(blur: float) -> None:
    assert blur_mm(chest(blur=blur, noise=8.0)) == pytest.approx(blur, rel=0.35)

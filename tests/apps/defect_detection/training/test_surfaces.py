"""Drawn surfaces: one seed, one picture; every label on a defect that can be seen."""

import numpy as np
import pytest

from apps.defect_detection.training.defects import DEFECTS, SEVERITIES
from apps.defect_detection.training.surfaces import CLASSES, draw
from apps.defect_detection.training.textures import TEXTURES


def test_one_seed_draws_one_picture() -> None:
    one, again, other = draw(11, 256), draw(11, 256), draw(12, 256)
    assert np.array_equal(one.image, again.image)
    assert one.labels == again.labels
    assert not np.array_equal(one.image, other.image)


@pytest.mark.parametrize("texture", sorted(TEXTURES))
def test_good_parts_have_no_labels_and_are_neither_black_nor_burnt_out(texture: str) -> None:
    picture = draw(5, 256, texture=texture, defects=())
    assert picture.labels == ()
    assert 20 < picture.image.mean() < 230
    assert picture.image.std() > 1


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_label_lies_where_the_defect_changed_the_picture(name: str) -> None:
    for seed in range(100, 140):
        flawed = draw(seed, 320, texture="painted", defects=(name,))
        if flawed.labels:
            break
    good = draw(seed, 320, texture="painted", defects=())
    change = np.abs(flawed.image.astype(int) - good.image).max(2)
    inside = np.zeros(change.shape, bool)
    for label in flawed.labels:
        assert label.name == name
        assert 0 <= label.x1 < label.x2 <= 320
        assert 0 <= label.y1 < label.y2 <= 320
        inside[label.y1 : label.y2, label.x1 : label.x2] = True
    assert change[inside].mean() > 2 * change[~inside].mean()


def test_every_class_has_a_severity() -> None:
    assert set(SEVERITIES) == set(CLASSES)

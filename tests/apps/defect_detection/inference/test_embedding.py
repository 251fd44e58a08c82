"""Vectors say what a place looks like: alike where it looks alike, whatever lies around it."""

import numpy as np
import pytest

from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.embedding import (
    DIMENSIONS,
    MOST_PLACES,
    Embedder,
    Place,
    places_of,
    window,
)
from apps.defect_detection.training.surfaces import draw
from loupe.contract.runtime.errors import InputRefused
from tests.apps.defect_detection.pictures import ARTEFACT, SAMPLES


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(ARTEFACT / "model.onnx", 640)


@pytest.fixture(scope="module")
def cracked() -> np.ndarray:
    return decode(SAMPLES / "stone-crack.jpg", {}).arrays["image"]


def test_vectors_are_of_length_one_and_repeat(embedder: Embedder, cracked: np.ndarray) -> None:
    places: list[Place] = [(10, 10, 90, 60), (0, 0, 640, 640)]
    first, again = embedder.look(cracked, places, 1600), embedder.look(cracked, places, 1600)
    assert first.shape == (2, DIMENSIONS)
    assert first.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(first, again)


def test_a_place_looks_the_same_wherever_it_lies(embedder: Embedder, cracked: np.ndarray) -> None:
    patch = cracked[200:328, 200:328]
    here, there = np.full((640, 640, 3), 128, np.uint8), np.full((640, 640, 3), 128, np.uint8)
    here[64:192, 64:192], there[384:512, 320:448] = patch, patch
    one = embedder.look(here, [(96, 96, 160, 160)], 1600)[0]
    other = embedder.look(there, [(352, 416, 416, 480)], 1600)[0]
    elsewhere = embedder.look(there, [(32, 32, 96, 96)], 1600)[0]
    assert float(one @ other) > 0.99
    assert float(one @ elsewhere) < 0.9


def test_large_pictures_are_seen_at_their_own_scale(
    embedder: Embedder, cracked: np.ndarray
) -> None:
    whole = np.full((1920, 2560, 3), 128, np.uint8)
    whole[1000:1640, 1500:2140] = cracked
    near = embedder.look(whole, [(1700, 1200, 1800, 1300)], 1600)[0]
    alone = embedder.look(cracked, [(200, 200, 300, 300)], 1600)[0]
    assert float(near @ alone) > 0.98


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((10, 10, 50, 50), (0, 0, 640, 640)),
        ((1990, 1490, 2000, 1500), (1360, 860, 640, 640)),
        ((500, 0, 1500, 900), (500, 0, 1000, 1000)),
        ((-50, -50, 5000, 5000), (0, 0, 2000, 1500)),
    ],
)
def test_a_tile_lies_within_the_picture(place: Place, expected: tuple[int, int, int, int]) -> None:
    left, top, view = window(np.zeros((1500, 2000, 3), np.uint8), place, 640)
    assert (left, top, view.shape[1], view.shape[0]) == expected


@pytest.mark.parametrize(
    "places",
    [None, [], "0,0,1,1", [[0, 0, 1]], [[0, 0, 1, "1"]], [[0, 0, 1, True]], [[0, 0, 1, 1e9]],
     [[0, 0, 1, float("nan")]], [[0, 0, 1, 1]] * (MOST_PLACES + 1)],
)  # fmt: skip
def test_what_are_no_places_is_refused(places: object) -> None:
    with pytest.raises(InputRefused, match="boxes of four numbers"):
        places_of({"embed": places})


@pytest.mark.slow
def test_the_nearest_are_of_the_same_kind_twice_as_often_as_by_chance(
    embedder: Embedder,
) -> None:
    vectors, labels, pictures = [], [], []
    for seed in range(80):
        drawn = draw(5000 + seed, 480)
        found = drawn.labels[:3]
        if found:
            places: list[Place] = [(each.x1, each.y1, each.x2, each.y2) for each in found]
            vectors += list(embedder.look(drawn.image, places, 1600))
            labels += [each.name for each in found]
            pictures += [seed] * len(found)
    seen = np.array(vectors) - np.mean(vectors, axis=0)
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    alike = seen @ seen.T
    alike[np.equal.outer(pictures, pictures)] = -2
    names = np.array(labels)
    right = names[np.argsort(-alike, axis=1)[:, :3]] == names[:, None]
    chance = np.mean([np.mean(names == name) for name in names])
    assert right.mean() > 2 * chance

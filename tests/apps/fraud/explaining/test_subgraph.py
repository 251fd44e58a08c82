"""The neighbours that carried a score are told by leaving each of them out."""

from collections.abc import Mapping, Sequence

import numpy as np

from apps.fraud.explaining.subgraph import MOST, Neighbour, around, subgraph
from apps.fraud.features import layout
from apps.fraud.features.loops import filling

NAMES = ("amount", "near_frauds", "near_count")


def _neighbour(number: int, frauds: int) -> Neighbour:
    return Neighbour(
        payer=f"c-{number}", relation="same_device", shared="d-1", payments=4, amount=100 * number,
        labelled=4, frauds=frauds, degree=number,
    )  # fmt: skip


def _told(some: Sequence[Neighbour]) -> Mapping[str, float]:
    return {
        "near_frauds": float(sum(one.frauds for one in some)),
        "near_count": float(len(some)),
        "not_in_the_model": 1.0,
    }


def _margins(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows @ np.array([0.001, 2.0, -0.1]), dtype=np.float32)


def test_each_neighbours_share_is_what_the_margin_loses_without_it() -> None:
    neighbours = [_neighbour(1, 0), _neighbour(2, 3), _neighbour(3, 1)]
    row = np.array([100.0, 4.0, 3.0], dtype=np.float32)
    found = subgraph("c-0", neighbours, row, NAMES, _told, _margins)
    assert [one.neighbour.payer for one in found.carried] == ["c-2", "c-3", "c-1"]
    np.testing.assert_allclose([one.weight for one in found.carried], [5.9, 1.9, -0.1], atol=1e-5)
    np.testing.assert_allclose(found.together, 4 * 2 - 0.3, atol=1e-5)
    assert found.exact
    since = subgraph("c-0", neighbours[:2], row, NAMES, _told, _margins)
    assert not since.exact
    assert type(found).model_validate_json(found.model_dump_json()) == found


def test_few_are_shown_and_crowds_are_cut_and_told() -> None:
    crowd = [_neighbour(number, number % 7) for number in range(MOST + 50)]
    row = np.zeros(3, dtype=np.float32)
    found = subgraph("c-0", crowd, row, NAMES, _told, _margins, most=5)
    assert len(found.carried) == 5
    assert found.left_out == 50
    assert {one.neighbour.frauds for one in found.carried} == {6}


def test_without_neighbours_there_is_nothing_to_carry() -> None:
    found = subgraph("c-0", [], np.zeros(3, dtype=np.float32), NAMES, _told, _margins)
    assert found.carried == ()
    assert found.together == 0


def test_features_around_an_entity_are_told_as_they_were_scored() -> None:
    some = [_neighbour(1, 0), _neighbour(2, 3), _neighbour(3, 1)]
    told = around("device")(some)
    steps = np.array([[0, filling.DAMPED, 0, 1, 0, 0], [1, filling.DAMPED, 2, 3, 0, 0]])
    scored = np.empty((2, 1), np.float32)
    filling.fill(steps, np.array([[4], [12], [3], [4]]), np.ones(1, np.int64), scored)
    assert {key: np.float32(value) for key, value in told.items()} == {
        "around_device_count": 3.0,
        "around_device_risk": scored[0, 0],
        "around_device_top_risk": scored[1, 0],
        "around_device_amount": 600 / 12,
        "around_device_degree": 2.0,
    }
    assert set(around("device")([]).values()) == {0.0}
    assert layout.DAMP > 0

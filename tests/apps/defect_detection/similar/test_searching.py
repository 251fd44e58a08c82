"""Search is exact, knows what came and what went, and never leaves its project."""

import numpy as np
import pytest

from apps.defect_detection.models import Case, Embedder
from apps.defect_detection.similar import keeping, searching
from loupe.host.results import Result, insert
from loupe.testing import factories
from tests.apps.defect_detection.similar.conftest import Line, data


def embedder(line: Line) -> Embedder:
    return keeping.embedder_of(line.project)


def kept(line: Line, result: Result, vectors: np.ndarray) -> None:
    """Cases with those vectors."""
    corners = {"x1": 0.0, "y1": 0.0, "x2": 9.0, "y2": 9.0}
    insert(
        Case(
            result=result, project=line.project, embedder=embedder(line), place=place,
            vector=keeping.as_bytes(vector), **corners,
        )
        for place, vector in enumerate(vectors)
    )  # fmt: skip


def unit(rows: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((rows, 64)).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def test_the_order_is_that_of_every_cosine_computed_in_full(line: Line) -> None:
    results = line.results(*[data()] * 60)
    vectors = unit(180, 1)
    for n, result in enumerate(results):
        kept(line, result, vectors[3 * n : 3 * n + 3])
    wanted = unit(1, 2)[0]
    found, searched = searching.nearest(embedder(line), wanted, 20, without=0)
    middle = vectors.mean(axis=0) * (180 / 188)
    left, right = vectors - middle, wanted - middle
    cosines = left @ right / np.linalg.norm(left, axis=1) / np.linalg.norm(right)
    best = cosines.reshape(60, 3).max(axis=1)
    expected = np.argsort(-best)[:20]
    assert searched == 180
    got = [one.likeness for one in found]
    np.testing.assert_allclose(got, best[expected], atol=0.01)
    assert {one.result_id for one in found[:10]} == {results[n].pk for n in expected[:10]}


def test_a_result_comes_once_by_its_best_place_and_never_itself(line: Line) -> None:
    mine, other = line.results(data(), data())
    vectors = unit(3, 3)
    kept(line, mine, vectors[:2])
    kept(line, other, vectors)
    found, _ = searching.nearest(embedder(line), vectors[1], 5, without=mine.pk)
    assert [one.result_id for one in found] == [other.pk]
    assert Case.objects.get(pk=found[0].case_id).place == 1


def test_what_comes_is_found_and_what_goes_is_not(line: Line) -> None:
    first, second = line.results(data(), data())
    vectors = unit(2, 4)
    assert searching.nearest(embedder(line), vectors[0], 5, without=0) == ([], 0)
    kept(line, first, vectors[:1])
    kept(line, second, vectors[1:])
    assert searching.nearest(embedder(line), vectors[0], 5, without=0)[1] == 2
    first.delete()
    found, searched = searching.nearest(embedder(line), vectors[0], 5, without=0)
    assert (searched, {one.result_id for one in found}) == (1, {second.pk})


def test_the_newest_are_searched_where_there_are_too_many(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_PLACES", 2)
    results = line.results(data(), data(), data())
    for n, result in enumerate(results):
        kept(line, result, unit(1, n))
    found, searched = searching.nearest(embedder(line), unit(1, 0)[0], 5, without=0)
    assert searched == 2
    assert results[0].pk not in {one.result_id for one in found}


def test_projects_do_not_see_each_other(line: Line) -> None:
    (result,) = line.results(data())
    kept(line, result, unit(1, 5))
    other = factories.project("line-3", "Line 3")
    assert searching.nearest(keeping.embedder_of(other), unit(1, 5)[0], 5, without=0) == ([], 0)

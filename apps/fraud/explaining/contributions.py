"""Exact contributions of features to a score: TreeSHAP by integrals.

Shapley values of a tree, with features that are not known weighed as in training ("tree path
dependent"; S. Lundberg, G. Erion, S. Lee, "Consistent individualized feature attribution for tree
ensembles", 2018). A way of k features with shares z and answers o ∈ {0, 1} adds to feature i

    value · (o_i − z_i) · Σ_S |S|! (k − 1 − |S|)! / k! · Π_{j∈S} o_j · Π_{j∉S} z_j
  = value · (o_i − z_i) · ∫₀¹ Π_{j≠i} (z_j (1 − t) + o_j t) dt

since s! (k − 1 − s)! / k! = ∫ t^s (1 − t)^(k−1−s) dt. The integrand is a polynomial of degree
k − 1, so Gauss–Legendre quadrature with ⌈k / 2⌉ points is exact: nothing is sampled, and the work
for a way grows with k², not with 2^k.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from apps.fraud.explaining.paths import Ways

_LEAST = 256
"""Rows that are worth a thread."""
_MANY = 24
"""Rows from which a table of all answers of a way is cheaper than going it with each row."""
_TABLED = 8
"""Features of a way up to which there is such a table: 2^8 answers."""
_BLOCK = 1024
"""Rows that stay in the nearest cache."""


def contributions(x: NDArray[np.float32], ways: Ways, threads: int | None = None) -> NDArray[Any]:
    """What each feature adds to the margin of each row.

    Args:
        x: float32 [rows, features]; NaN is a missing value.
        threads: None: one for each core, while there are rows enough.

    Returns:
        float64 [rows, features]; with `ways.usual` they add up to the margin.

    Raises:
        ValueError: `x` has another shape.
    """
    if x.ndim != 2 or x.shape[1] != ways.features:
        raise ValueError(f"x is {x.shape}; give [rows, {ways.features}] of float32.")
    points, weights = _quadrature(ways.longest)
    trees = (ways.value, ways.start, ways.feature, ways.low, ways.high, ways.missing, ways.share)
    out = np.zeros(x.shape, dtype=np.float64)

    def run(first: int, last: int) -> None:
        part = x[first:last]
        if last - first < _MANY or ways.longest > _TABLED:
            _add(
                np.ascontiguousarray(part, dtype=np.float32),
                *trees,
                points,
                weights,
                out[first:last],
            )
            return
        # Features outermost, so that the loops over rows run along memory.
        turned = np.ascontiguousarray(part.T, dtype=np.float32)
        added = np.zeros(turned.shape, dtype=np.float64)
        for start in range(0, last - first, _BLOCK):
            _add_many(
                turned[:, start : start + _BLOCK],
                *trees,
                points,
                weights,
                added[:, start : start + _BLOCK],
            )
        out[first:last] = added.T

    parts = min(threads or len(os.sched_getaffinity(0)), max(1, len(x) // _LEAST))
    edges = [len(x) * part // parts for part in range(parts + 1)]
    if parts == 1:
        run(0, len(x))
        return out
    with ThreadPoolExecutor(parts, thread_name_prefix="explaining") as pool:
        for done in [pool.submit(run, *pair) for pair in pairwise(edges)]:
            done.result()
    return out


def _quadrature(longest: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and weights [⌈longest / 2⌉ + 1, …] on 0…1: row n is exact for n · 2 features."""
    most = max(1, (longest + 1) // 2)
    points, weights = np.zeros((most + 1, most)), np.zeros((most + 1, most))
    for count in range(1, most + 1):
        at, weight = np.polynomial.legendre.leggauss(count)
        points[count, :count], weights[count, :count] = (at + 1) / 2, weight / 2
    return points, weights


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled at its first call and kept on disk, where the disk can be written."""
    how: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        kept: Callable[..., Any] = njit(cache=True, **how)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        kept = njit(**how)(function)
    return kept


@_compiled
def _add_many(  # type: ignore[no-untyped-def]
    x, value, start, feature, low, high, missing, share, points, weights, out
):
    """Adds every way to every row; `x` and `out` are [features, rows]. What a way adds depends on
    the row by its yes and no alone, so it is computed for all answers, then looked up."""
    rows = x.shape[1]
    answers = np.empty(rows, np.int32)
    table = np.empty((_TABLED, 1 << _TABLED))
    before = np.empty(_TABLED + 1)
    for way in range(len(value)):
        first, size = start[way], start[way + 1] - start[way]
        count = (size + 1) // 2
        table[:size, : 1 << size] = 0.0
        for answer in range(1 << size):
            for q in range(count):
                t = points[count, q]
                before[0] = 1.0
                for part in range(size):
                    o = 1.0 if answer >> part & 1 else 0.0
                    before[part + 1] = before[part] * (share[first + part] * (1 - t) + o * t)
                after = weights[count, q] * value[way]
                for part in range(size - 1, -1, -1):
                    o = 1.0 if answer >> part & 1 else 0.0
                    table[part, answer] += before[part] * after * (o - share[first + part])
                    after *= share[first + part] * (1 - t) + o * t
        for row in range(rows):
            answers[row] = 0
        for part in range(size):
            column, bit = x[feature[first + part]], np.int32(1 << part)
            least, most, none = low[first + part], high[first + part], missing[first + part]
            for row in range(rows):
                v = column[row]
                yes = ((v >= least) & (v < most)) | ((v != v) & none)
                answers[row] |= bit if yes else np.int32(0)
        for part in range(size):
            added, told = out[feature[first + part]], table[part]
            for row in range(rows):
                added[row] += told[answers[row]]


@_compiled
def _add(  # type: ignore[no-untyped-def]
    x, value, start, feature, low, high, missing, share, points, weights, out
):
    """The same for a few rows; `x` and `out` are [rows, features]."""
    most = points.shape[1]
    longest = 2 * most
    yes, no = np.empty((longest, most)), np.empty((longest, most))
    before, after = np.empty((longest + 1, most)), np.empty(most)
    answers = np.empty(longest, np.bool_)
    for way in range(len(value)):
        first, size = start[way], start[way + 1] - start[way]
        count = (size + 1) // 2
        at, weight = points[count], weights[count]
        for part in range(size):
            z = share[first + part]
            for q in range(count):
                no[part, q] = z * (1 - at[q])
                yes[part, q] = no[part, q] + at[q]
        for row in range(x.shape[0]):
            zero = 0
            for part in range(size):
                v = x[row, feature[first + part]]
                if v != v:
                    answers[part] = missing[first + part]
                else:
                    answers[part] = low[first + part] <= v and v < high[first + part]
                zero += (not answers[part]) and share[first + part] == 0.0
            if zero > 1:
                continue  # a factor stays that is zero, whichever is left out
            for q in range(count):
                before[0, q] = 1.0
                after[q] = weight[q] * value[way]
            for part in range(size):
                for q in range(count):
                    factor = yes[part, q] if answers[part] else no[part, q]
                    before[part + 1, q] = before[part, q] * factor
            for part in range(size - 1, -1, -1):
                total = 0.0
                for q in range(count):
                    total += before[part, q] * after[q]
                    after[q] *= yes[part, q] if answers[part] else no[part, q]
                o = 1.0 if answers[part] else 0.0
                out[row, feature[first + part]] += (o - share[first + part]) * total

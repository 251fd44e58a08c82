"""A classifier that only counts voxels by their HU: phantoms that it solves would teach nothing.

For each finding it may pick any range of HU, in the whole volume, inside the chest, on a side or in
an upper or lower half, and a threshold on the share of voxels in it, whichever is best on one half
of the phantoms; it is scored on the other half.

    python -m apps.report_gen.phantoms.trivial --count 240
"""

import argparse
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from apps.report_gen.findings import KEYS, State
from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.phantoms.phantom import make, some_wanted

EDGES = (
    -1100, -995, -975, -950, -925, -900, -870, -830, -780, -700, -600, -500, -350, -200, -120, -70,
    -20, 0, 10, 20, 30, 45, 60, 80, 110, 150, 200, 300, 400, 550, 800, 3100,
)  # fmt: skip
"""HU; a range lies between any two."""
LIMIT = 0.65


def shares(hu: Tensor) -> NDArray[np.float64]:
    """Cumulative shares [places, edges] of voxels below each edge, in several places."""
    depth, rows, columns = hu.shape
    chest = hu[:, rows // 6 : -rows // 6, columns // 6 : -columns // 6]
    body = hu > -400
    # Air that the body surrounds, and what lies in it: between the first and last body voxel.
    across = (body.int().cumsum(2) > 2) & (body.flip(2).int().cumsum(2).flip(2) > 2)
    places = [
        hu.flatten(), chest.flatten(), hu[across], hu[: depth // 2].flatten(),
        hu[depth // 2 :].flatten(), chest[..., : columns // 3].flatten(),
        chest[..., -columns // 3 :].flatten(),
    ]  # fmt: skip
    edges = torch.tensor(EDGES, device=hu.device, dtype=torch.float32)
    rows_of = []
    for place in places:
        counts = torch.bucketize(place.float(), edges).bincount(minlength=len(EDGES) + 1)
        rows_of.append((counts.cumsum(0)[:-1] / max(1, len(place))).cpu().numpy())
    return np.stack(rows_of).astype(float)


def ranges(below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares [N, ranges] of every range in every place, from `shares` [N, places, edges]."""
    first, last = np.triu_indices(len(EDGES), 1)
    return (below[:, :, last] - below[:, :, first]).reshape(len(below), -1)


def best_rule(values: NDArray[np.float64], truth: NDArray[np.bool_]) -> tuple[int, float, float]:
    """The range, threshold and direction (1 above, -1 below) of the greatest F1."""
    best = (0, 0.0, 1.0)
    top = -1.0
    for sign in (1.0, -1.0):
        order = np.argsort(-sign * values, axis=0)
        hit = np.cumsum(truth[order], axis=0)
        score = 2 * hit / (np.arange(1, len(truth) + 1)[:, None] + max(1, truth.sum()))
        at, column = np.unravel_index(int(score.argmax()), score.shape)
        if score[at, column] > top:
            top = float(score[at, column])
            ranked = values[order[:, column], column]
            after = ranked[min(at + 1, len(ranked) - 1)]
            best = (int(column), float((ranked[at] + after) / 2), sign)
    return best


def scores(below: NDArray[np.float64], truth: NDArray[np.bool_]) -> dict[str, float]:
    """F1 of each finding on the second half, by the rule that is best on the first."""
    values = ranges(below)
    half = len(values) // 2
    made = {}
    for k, key in enumerate(KEYS):
        column, threshold, sign = best_rule(values[:half], truth[:half, k])
        told = sign * values[half:, column] > sign * threshold
        true = truth[half:, k]
        made[key] = 2 * float((told & true).sum()) / max(1, int(told.sum()) + int(true.sum()))
    return made


def examples(count: int, grid: Grid) -> Iterator[tuple[NDArray[np.float64], list[bool]]]:
    """Shares and truth of phantoms."""
    for seed in range(count):
        phantom = make(seed, grid, some_wanted(seed))
        states = phantom.truth.states().values()
        yield shares(phantom.hu), [state is State.PRESENT for state in states]


def main() -> None:
    """Print what it scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--coarse", type=float, default=1.0, help="voxels so many times larger")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    chosen = parser.parse_args()
    full = Grid()
    z, y, x = (max(8, round(size / chosen.coarse)) for size in full.shape)
    steps = tuple(step * chosen.coarse for step in full.spacing)
    grid = Grid(shape=(z, y, x), spacing=(steps[0], steps[1], steps[2]), device=chosen.device)
    below, truth = zip(*examples(chosen.count, grid), strict=True)
    told = scores(np.stack(below), np.array(truth))
    for key, score in told.items():
        print(
            f"{key:24} F1 {score:.3f}  present in {np.array(truth)[:, KEYS.index(key)].mean():.2f}"
        )
    macro = float(np.mean(list(told.values())))
    print(f"plain HU thresholds, {chosen.count // 2} to pick from, {chosen.count // 2} to score: "
          f"macro-F1 {macro:.3f} (limit {LIMIT})")  # fmt: skip


if __name__ == "__main__":
    main()

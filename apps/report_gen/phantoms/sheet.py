"""A sheet of random phantoms, to be looked at.

python -m apps.report_gen.phantoms.sheet docs/images/report-phantoms.webp
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from apps.report_gen.findings import KEYS
from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.phantoms.phantom import Phantom, make, some_wanted
from apps.report_gen.phantoms.wanted import HELD_OUT_SEEDS

LUNG, SOFT = (-600.0, 1500.0), (40.0, 400.0)
ACROSS, DOWN = 6, 4


def picture(plane: NDArray[np.float64], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Grey values of HU in a window, centre and width."""
    centre, width = window
    share = np.clip((plane - (centre - width / 2)) / width, 0, 1)
    return (share * 255).astype(np.uint8)


def slice_of(phantom: Phantom, number: int) -> NDArray[np.uint8]:
    """One view: axial where the most findings are, every sixth coronal; as radiologists look,
    the patient's right on the left of the picture."""
    hu = phantom.hu.cpu().numpy().astype(float)
    bits = phantom.regions.cpu()
    soft = {KEYS.index(key) for key in KEYS[6:] if key != "pneumothorax"}
    there = [bit for bit in range(len(KEYS)) if bool(((bits >> bit) & 1).any())]
    window = SOFT if there and sum(bit in soft for bit in there) * 2 > len(there) else LUNG
    if not there:
        window = (LUNG, SOFT)[number % 2]
    if number % 6 == 5:
        row = _fullest(bits, there, 1, hu.shape[1] // 2)
        plane = hu[::-1, row, ::-1]
        tall = round(plane.shape[0] * phantom.grid.spacing[0] / phantom.grid.spacing[2])
        image = Image.fromarray(picture(plane, window)).resize((hu.shape[2], tall))
        return _square(np.asarray(image), hu.shape[2])
    level = _fullest(bits, there, 0, int(hu.shape[0] * (0.35 + 0.05 * (number % 6))))
    return _square(picture(hu[level, ::-1, ::-1], window), hu.shape[2])


def _fullest(bits: torch.Tensor, there: list[int], axis: int, otherwise: int) -> int:
    """The plane along an axis that shows most of the findings that are there."""
    if not there:
        return otherwise
    return int(np.sum([_present(bits, bit, axis) for bit in there], axis=0).argmax())


def _present(bits: torch.Tensor, bit: int, axis: int) -> NDArray[np.float64]:
    """For each plane along an axis, how much of a finding's largest plane is in it."""
    others = [each for each in range(3) if each != axis]
    counts = ((bits >> bit) & 1).sum(others).double()
    return (counts / counts.max()).numpy()


def _square(picture_of: NDArray[np.uint8], edge: int) -> NDArray[np.uint8]:
    made = np.zeros((edge, edge), np.uint8)
    rows, columns = (min(edge, size) for size in picture_of.shape)
    top, left = (edge - rows) // 2, (edge - columns) // 2
    y, x = (picture_of.shape[0] - rows) // 2, (picture_of.shape[1] - columns) // 2
    made[top : top + rows, left : left + columns] = picture_of[y : y + rows, x : x + columns]
    return made


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("out", type=Path)
    parser.add_argument("--first", type=int, default=HELD_OUT_SEEDS)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    chosen = parser.parse_args()
    grid = Grid(shape=(64, 224, 224), spacing=(5.0, 1.6, 1.6), device=chosen.device)
    tiles = []
    for number in range(ACROSS * DOWN):
        seed = chosen.first + number
        phantom = make(seed, grid, some_wanted(seed, held_out=True))
        tiles.append(slice_of(phantom, number))
        named = ", ".join(sorted({one.kind for one in phantom.truth.present()})) or "nothing"
        print(f"{number + 1:2}: {phantom.wanted.scan.phase}; {named}", flush=True)
    rows = [np.hstack(tiles[first : first + ACROSS]) for first in range(0, len(tiles), ACROSS)]
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.vstack(rows)).save(chosen.out, quality=82)


if __name__ == "__main__":
    main()

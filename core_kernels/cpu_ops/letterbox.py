"""`letterbox` on a CPU: bytes straight to planes of floats, frames and rows over threads."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from core_kernels.compiling import compiled
from core_kernels.parts import in_parts
from core_kernels.structures.placing import PLACEMENT, pictures_empty, taps

#: Rows of a picture that are worth a thread's while.
_LEAST_ROWS = 64


@compiled
def _rows(source, first, step_y, step_c, x0, x1, a0, a1, y0, y1, b0, b1, left, top, fill, picture,
          start, stop):  # fmt: skip
    """Rows `start` to `stop` of a picture [3, H, W]; `x0` and `x1` are counted in bytes."""
    inner_h, inner_w = y0.shape[0], x0.shape[0]
    upper, lower = np.empty((3, inner_w), np.int32), np.empty((3, inner_w), np.int32)
    upper_is, lower_is = -1, -1
    for y in range(start, stop):
        if y < top or y >= top + inner_h:
            picture[:, y] = fill
            continue
        picture[:, y, :left] = fill
        picture[:, y, left + inner_w :] = fill
        above, below = y0[y - top], y1[y - top]
        if above == lower_is:  # the row below the last one is often the row above this one
            upper, lower = lower, upper
            upper_is, lower_is = lower_is, upper_is
        if above != upper_is:
            _along(source, first + above * step_y, step_c, x0, x1, a0, a1, upper)
            upper_is = above
        one, other = b0[y - top], b1[y - top]
        if other != 0 and below != lower_is:
            _along(source, first + below * step_y, step_c, x0, x1, a0, a1, lower)
            lower_is = below
        for colour in range(3):
            line = picture[colour, y, left : left + inner_w]
            high, low = upper[colour], (lower if other != 0 else upper)[colour]
            for x in range(inner_w):
                grey = (((one * high[x]) >> 16) + ((other * low[x]) >> 16) + 2) >> 2
                line[x] = np.float32(grey) / np.float32(255)


@compiled
def _along(source, base, step_c, x0, x1, a0, a1, into):
    """A row resized along x, in 1/128 grey levels: [3, inner width]."""
    red, green, blue = into[0], into[1], into[2]
    for x in range(x0.shape[0]):
        near, far = base + x0[x], base + x1[x]
        one, other = a0[x], a1[x]
        red[x] = (np.int32(source[near]) * one + np.int32(source[far]) * other) >> 4
        near, far = near + step_c, far + step_c
        green[x] = (np.int32(source[near]) * one + np.int32(source[far]) * other) >> 4
        near, far = near + step_c, far + step_c
        blue[x] = (np.int32(source[near]) * one + np.int32(source[far]) * other) >> 4


@compiled
def _same(source, first, step_y, step_x, step_c, left, top, width, height, fill, picture, start,
          stop):  # fmt: skip
    """Rows of a picture whose frame is not scaled."""
    scale = np.float32(255)
    for y in range(start, stop):
        if y < top or y >= top + height:
            picture[:, y] = fill
            continue
        picture[:, y, :left] = fill
        picture[:, y, left + width :] = fill
        row = first + (y - top) * step_y
        if step_x == 3 and step_c == -1:  # the usual case, with steps that the compiler knows
            pixels = source[row - 2 : row - 2 + 3 * width].reshape(width, 3)
            for colour in range(3):
                line, channel = picture[colour, y, left : left + width], 2 - colour
                for x in range(width):
                    line[x] = np.float32(pixels[x, channel]) / scale
            continue
        for colour in range(3):
            line, at = picture[colour, y, left : left + width], row + colour * step_c
            for x in range(width):
                line[x] = np.float32(source[at + x * step_x]) / scale


@lru_cache(maxsize=256)
def _weights(length, inner, *, edge):
    return tuple(one.numpy().astype(np.int32) for one in taps(length, inner, edge=edge))


def letterbox(
    data: list[Tensor], table: Tensor, height: int, width: int, dtype: torch.dtype,
    padding: int, channels_last: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """As the reference, bit for bit."""
    pictures = np.empty((len(table), 3, height, width), np.float32)
    placements = np.zeros((len(table), len(PLACEMENT)), np.float32)
    sources = [one.numpy() for one in data]
    fill = np.float32(padding) / np.float32(255)
    work = []
    for index, row in enumerate(table.tolist()):
        source, first, step_y, step_x, step_c, w, h, inner_w, inner_h, left, top = row
        picture = pictures[index]
        if not w:
            picture[:] = fill
            continue
        placements[index] = inner_w / w, inner_h / h, left, top, w, h
        if (w, h) == (inner_w, inner_h):
            steps = (step_y, step_x, step_c)
            work.append((_same, (sources[source], first, *steps, left, top, w, h, fill, picture)))
            continue
        x0, x1, a0, a1 = _weights(w, inner_w, edge=True)
        ys = _weights(h, inner_h, edge=False)
        xs = (x0 * np.int32(step_x), x1 * np.int32(step_x), a0, a1)
        where = (left, top, fill, picture)
        work.append((_rows, (sources[source], first, step_y, step_c, *xs, *ys, *where)))

    def run(start: int, stop: int) -> None:
        for index in range(start // height, -(-stop // height)):
            make, given = work[index]
            low, high = max(start - index * height, 0), min(stop - index * height, height)
            make(*given, low, high)

    if work and height:
        in_parts(run, len(work) * height, least=_LEAST_ROWS)
    made = torch.from_numpy(pictures).to(dtype)
    if channels_last:
        laid = pictures_empty(table, height, width, dtype, channels_last=True)
        made = laid.copy_(made)
    return made, torch.from_numpy(placements)

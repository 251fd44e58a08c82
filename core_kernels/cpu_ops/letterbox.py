"""`letterbox` on a CPU: bytes straight to planes of floats, frames and rows over threads."""

import numpy as np
import torch
from torch import Tensor

from core_kernels.compiling import compiled, in_parts
from core_kernels.reference.letterbox import PLACEMENT, taps

#: Rows of a picture that are worth a thread's while.
_LEAST_ROWS = 64


@compiled
def _rows(source, first, step_y, step_x, step_c, x0, x1, a0, a1, y0, y1, b0, b1,
          left, top, values, fill, picture, start, stop):  # fmt: skip
    """Rows `start` to `stop` of a picture [3, H, W]; `values` is the float of each grey level."""
    inner_h, inner_w, width = y0.shape[0], x0.shape[0], picture.shape[2]
    upper, lower = np.empty(inner_w, np.int32), np.empty(inner_w, np.int32)
    for colour in range(3):
        base = first + colour * step_c
        upper_is, lower_is = -1, -1
        for y in range(start, stop):
            line = picture[colour, y]
            if y < top or y >= top + inner_h:
                line[:] = fill
                continue
            line[:left] = fill
            line[left + inner_w : width] = fill
            above, below = y0[y - top], y1[y - top]
            if above == lower_is:  # the row below the last one is often the row above this one
                upper, lower = lower, upper
                upper_is, lower_is = lower_is, upper_is
            if above != upper_is:
                _along(source, base + above * step_y, step_x, x0, x1, a0, a1, upper)
                upper_is = above
            one, other = b0[y - top], b1[y - top]
            if other == 0:
                for x in range(inner_w):
                    line[left + x] = values[(((one * upper[x]) >> 16) + 2) >> 2]
                continue
            if below != lower_is:
                _along(source, base + below * step_y, step_x, x0, x1, a0, a1, lower)
                lower_is = below
            for x in range(inner_w):
                grey = (((one * upper[x]) >> 16) + ((other * lower[x]) >> 16) + 2) >> 2
                line[left + x] = values[grey]


@compiled
def _along(source, base, step_x, x0, x1, a0, a1, into):
    """A row resized along x, in 1/128 grey levels."""
    for x in range(x0.shape[0]):
        near, far = source[base + x0[x] * step_x], source[base + x1[x] * step_x]
        into[x] = (np.int32(near) * a0[x] + np.int32(far) * a1[x]) >> 4


@compiled
def _same(source, first, step_y, step_x, step_c, left, top, width, height, values, fill, picture,
          start, stop):  # fmt: skip
    """Rows of a picture whose frame is not scaled."""
    for colour in range(3):
        for y in range(start, stop):
            line = picture[colour, y]
            if y < top or y >= top + height:
                line[:] = fill
                continue
            line[:left] = fill
            line[left + width :] = fill
            at = first + colour * step_c + (y - top) * step_y
            for x in range(width):
                line[left + x] = values[source[at + x * step_x]]


def letterbox(
    data: list[Tensor], table: Tensor, height: int, width: int, dtype: torch.dtype, padding: int
) -> tuple[Tensor, Tensor]:
    """As the reference, bit for bit."""
    pictures = np.empty((len(table), 3, height, width), np.float32)
    placements = np.zeros((len(table), len(PLACEMENT)), np.float32)
    values = np.arange(256, dtype=np.float32) / np.float32(255)
    sources = [one.numpy() for one in data]
    fill = values[padding]
    work = []
    for index, row in enumerate(table.tolist()):
        source, first, step_y, step_x, step_c, w, h, inner_w, inner_h, left, top = row
        if not w:
            pictures[index] = fill
            continue
        placements[index] = inner_w / w, inner_h / h, left, top, w, h
        steps = (sources[source], first, step_y, step_x, step_c)
        last = (values, fill, pictures[index])
        if (w, h) == (inner_w, inner_h):
            work.append((_same, (*steps, left, top, w, h, *last)))
        else:
            xs = tuple(one.numpy().astype(np.int32) for one in taps(w, inner_w, edge=True))
            ys = tuple(one.numpy().astype(np.int32) for one in taps(h, inner_h, edge=False))
            work.append((_rows, (*steps, *xs, *ys, left, top, *last)))

    def run(start: int, stop: int) -> None:
        for index in range(start // height, -(-stop // height)):
            make, given = work[index]
            low, high = max(start - index * height, 0), min(stop - index * height, height)
            make(*given, low, high)

    if work and height:
        in_parts(run, len(work) * height, least=_LEAST_ROWS)
    return torch.from_numpy(pictures).to(dtype), torch.from_numpy(placements)

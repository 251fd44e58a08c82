"""All tiles of a frame in one launch: the frame is read as it lies, each tile written once."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_kernels.tuning import Config, tuned

_BLOCKS = [
    Config(blocks=(("COLS", columns), ("ROWS", rows)), num_warps=4)
    for rows, columns in ((8, 128), (4, 256), (16, 64), (2, 512))
]


@triton.jit
def _tile(
    frame, places, tiles, width, height, step_y, step_x, step_c, first, size, padding,
    COLS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    which = tl.program_id(1)
    left, top = tl.load(places + 2 * which), tl.load(places + 2 * which + 1)
    wide, tall = tl.minimum(width - left, size), tl.minimum(height - top, size)
    across = tl.cdiv(size, COLS)
    x = (tl.program_id(0) % across) * COLS + tl.arange(0, COLS)
    y = (tl.program_id(0) // across) * ROWS + tl.arange(0, ROWS)
    at_x, at_y = x - (size - wide) // 2, y - (size - tall) // 2
    inside = ((at_y >= 0) & (at_y < tall))[:, None] & ((at_x >= 0) & (at_x < wide))[None, :]
    held = (y < size)[:, None] & (x < size)[None, :]
    from_y = (at_y + top).to(tl.int64) * step_y
    read = frame + first + from_y[:, None] + ((at_x + left) * step_x)[None, :]
    out = tiles + which.to(tl.int64) * 3 * size * size + y[:, None] * size + x[None, :]
    for colour in tl.static_range(3):
        grey = tl.load(read + colour * step_c, inside, 0).to(tl.int32)
        grey = tl.where(inside, grey, padding)
        scaled = tl.div_rn(grey.to(tl.float32), 255.0)
        tl.store(out + colour * size * size, scaled.to(tiles.dtype.element_ty), held)


def tile(
    frame: Tensor, places: Tensor, size: int, blue_first: bool, dtype: torch.dtype, padding: int
) -> Tensor:
    """As the reference, bit for bit."""
    height, width, channels = frame.shape
    tiles = torch.empty((len(places), 3, size, size), dtype=dtype, device=frame.device)
    step_y, step_x, step_c = frame.stride()
    first, step_c = (0, step_c if channels == 3 else 0)
    if blue_first:
        first, step_c = 2 * step_c, -step_c
    places = places.contiguous()

    def launch(config: Config) -> None:
        blocks = dict(config.blocks)
        grid = (triton.cdiv(size, blocks["COLS"]) * triton.cdiv(size, blocks["ROWS"]), len(places))
        _tile[grid](
            frame, places, tiles, width, height, step_y, step_x, step_c, first, size, padding,
            **config.launch(),
        )  # fmt: skip

    if len(places):
        launch(tuned("tile", f"{size} {dtype}", _BLOCKS, frame.device, launch))
    return tiles

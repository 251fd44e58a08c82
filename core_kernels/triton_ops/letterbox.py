"""One launch for a batch of frames of any sizes: each program makes a block of one picture.

What a frame is like stands in the table on the device, so a captured graph serves frames of any
size. The weights are computed here, in float64 and once per row and column of a block, as OpenCV
does; a neighbour of weight zero is not read, so a frame that is not scaled costs one read.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_kernels.structures.placing import pictures_empty
from core_kernels.tuning import Config, tuned

_BLOCKS = [
    Config(blocks=(("COLS", columns), ("ROWS", rows)), num_warps=warps)
    for rows, columns, warps in (
        (8, 64, 4), (4, 128, 4), (2, 256, 4), (8, 128, 4), (16, 64, 4), (4, 64, 2), (16, 64, 8),
    )
]  # fmt: skip
#: Adding and taking it away rounds |x| < 2²² to the nearest integer, ties to even.
_ROUND = tl.constexpr(12582912.0)


@triton.jit
def _share(at, inner, length):
    """Source position before a network position, and the share of the one after it, in fp32."""
    scale = 1.0 / (inner.to(tl.float64) / length.to(tl.float64))
    exact = ((at.to(tl.float64) + 0.5) * scale - 0.5).to(tl.float32)
    first = tl.floor(exact)
    return first.to(tl.int32), exact - first


@triton.jit
def _letterbox(
    data, table, images, placements, height, width, padding,
    COLS: tl.constexpr, ROWS: tl.constexpr, LAST: tl.constexpr,
):  # fmt: skip
    frame = tl.program_id(1)
    entry = table + frame * 11
    first = tl.load(entry + 1)
    step_y, step_x = tl.load(entry + 2).to(tl.int32), tl.load(entry + 3).to(tl.int32)
    step_c = tl.load(entry + 4).to(tl.int32)
    w, h = tl.load(entry + 5).to(tl.int32), tl.load(entry + 6).to(tl.int32)
    inner_w, inner_h = tl.load(entry + 7).to(tl.int32), tl.load(entry + 8).to(tl.int32)
    left, top = tl.load(entry + 9).to(tl.int32), tl.load(entry + 10).to(tl.int32)
    some_w, some_h = tl.maximum(w, 1), tl.maximum(h, 1)  # an empty row of the table divides by one

    across = tl.cdiv(width, COLS)
    x = (tl.program_id(0) % across) * COLS + tl.arange(0, COLS)
    y = (tl.program_id(0) // across) * ROWS + tl.arange(0, ROWS)
    inside = ((y >= top) & (y < top + inner_h))[:, None] & ((x >= left) & (x < left + inner_w))

    x0, share = _share(x - left, tl.maximum(inner_w, 1), some_w)
    share = tl.where((x0 < 0) | (x0 >= w - 1), 0.0, share)
    a0 = (((1.0 - share) * 2048.0 + _ROUND) - _ROUND).to(tl.int32)[None, :]
    a1 = ((share * 2048.0 + _ROUND) - _ROUND).to(tl.int32)[None, :]
    x1 = (tl.minimum(tl.maximum(x0 + 1, 0), w - 1) * step_x)[None, :]
    x0 = (tl.minimum(tl.maximum(x0, 0), w - 1) * step_x)[None, :]
    y0, share = _share(y - top, tl.maximum(inner_h, 1), some_h)
    b0 = (((1.0 - share) * 2048.0 + _ROUND) - _ROUND).to(tl.int32)[:, None]
    b1 = ((share * 2048.0 + _ROUND) - _ROUND).to(tl.int32)[:, None]
    y1 = (tl.minimum(tl.maximum(y0 + 1, 0), h - 1) * step_y)[:, None]
    y0 = (tl.minimum(tl.maximum(y0, 0), h - 1) * step_y)[:, None]

    base = data + first
    # Rows of weight zero are not read: their product is zero whatever they hold.
    right, below = inside & (a1 > 0), inside & (b1 > 0)
    corner = right & below
    pixel = y[:, None] * width + x[None, :]
    out = images + frame.to(tl.int64) * 3 * height * width + (pixel * 3 if LAST else pixel)
    next_colour = 1 if LAST else height * width
    held = (y < height)[:, None] & (x < width)[None, :]
    for colour in tl.static_range(3):
        plane = base + colour * step_c
        upper = tl.load(plane + y0 + x0, inside, 0).to(tl.int32) * a0
        upper += tl.load(plane + y0 + x1, right, 0).to(tl.int32) * a1
        lower = tl.load(plane + y1 + x0, below, 0).to(tl.int32) * a0
        lower += tl.load(plane + y1 + x1, corner, 0).to(tl.int32) * a1
        grey = (((b0 * (upper >> 4)) >> 16) + ((b1 * (lower >> 4)) >> 16) + 2) >> 2
        grey = tl.where(inside, grey, padding)
        scaled = tl.div_rn(grey.to(tl.float32), 255.0)
        tl.store(out + colour * next_colour, scaled.to(images.dtype.element_ty), held)

    if tl.program_id(0) == 0:
        placement = placements + frame * 6
        scale_x, scale_y = inner_w.to(tl.float64) / some_w, inner_h.to(tl.float64) / some_h
        tl.store(placement, scale_x.to(tl.float32))
        tl.store(placement + 1, scale_y.to(tl.float32))
        tl.store(placement + 2, left.to(tl.float32))
        tl.store(placement + 3, top.to(tl.float32))
        tl.store(placement + 4, w.to(tl.float32))
        tl.store(placement + 5, h.to(tl.float32))


def letterbox(
    data: list[Tensor], table: Tensor, height: int, width: int, dtype: torch.dtype,
    padding: int, channels_last: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """As the reference, bit for bit."""
    device, count = table.device, len(table)
    images = pictures_empty(table, height, width, dtype, channels_last=channels_last)
    placements = torch.empty((count, 6), dtype=torch.float32, device=device)
    if not images.numel():
        return images, placements.zero_()
    table = _from_one(data, table.contiguous())

    def launch(config: Config) -> None:
        blocks = dict(config.blocks)
        grid = (triton.cdiv(width, blocks["COLS"]) * triton.cdiv(height, blocks["ROWS"]), count)
        # Fused multiply-adds would round otherwise than OpenCV does.
        _letterbox[grid](
            data[0], table, images, placements, height, width, padding,
            LAST=channels_last, enable_fp_fusion=False, **config.launch(),
        )  # fmt: skip

    layout = " channels last" if channels_last else ""
    key = f"{height}×{width} {dtype}{layout} batch {triton.next_power_of_2(count)}"
    launch(tuned("letterbox", key, _BLOCKS, device, launch))
    return images, placements


def _from_one(data: list[Tensor], table: Tensor) -> Tensor:
    """The table with every first byte counted from the first tensor; one address space has all."""
    if len(data) == 1:
        return table
    base = data[0].data_ptr()
    apart = torch.tensor([one.data_ptr() - base for one in data], dtype=torch.int64)
    if table.is_cuda:
        apart = apart.pin_memory().to(table.device, non_blocking=True)
    moved = table.clone()
    moved[:, 1] += apart[table[:, 0]]
    return moved

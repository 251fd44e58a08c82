"""`tile`: one large frame as overlapping tiles in network layout."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.frames import Order, views_of
from core_kernels.dispatch.letterbox import DTYPES
from core_kernels.dispatch.registry import (
    Facts,
    Implementation,
    needs_triton,
    register,
    serves_any,
)
from core_kernels.errors import ArgumentRefused
from core_kernels.reference.tile import corners

for _name, _run, _devices, _rank, _objection in (
    ("triton", "core_kernels.triton_ops.tile:tile", frozenset[str](), 5, needs_triton),
    ("numba", "core_kernels.cpu_ops.tile:tile", frozenset({"cpu"}), 10, serves_any),
    ("reference", "core_kernels.reference.tile:tile", frozenset[str](), 0, serves_any),
):
    register(
        Implementation(
            operation="tile",
            name=_name,
            run=_run,
            devices=_devices,
            rank=_rank,
            objection=_objection,
        )
    )


def tile(
    frame: Tensor | NDArray[Any],
    size: int,
    *,
    overlap: int = 128,
    dtype: torch.dtype = torch.float16,
    device: torch.device | str | None = None,
    order: Order = "bgr",
    padding: int = 114,
) -> tuple[Tensor, Tensor]:
    """Cut a frame into tiles, pad, order colours, scale to 0..1.

    Neighbours share at least `overlap` pixels; the last tiles end at the frame's edge. Where the
    frame is smaller than a tile it lies in the middle, as `letterbox` puts it.

    Args:
        frame: uint8 [H, W, 3], [H, W, 1] or [H, W].
        size: height and width of a tile, pixels.
        device: where the tiles go; where the frame is by default.

    Returns:
        tiles [T, 3, size, size] in `dtype`, red first; places int32 [T, 2] on the same device, left
        and top of each tile in the frame.

    Raises:
        ArgumentRefused: the frame has another form, or tiles of `size` cannot overlap by so much.
        NoImplementation: an implementation was asked for that cannot serve this call.
    """
    if not 0 <= overlap < size:
        raise ArgumentRefused(f"overlap is {overlap}; it must be from 0 to below size, {size}.")
    if dtype not in DTYPES:
        raise ArgumentRefused(f"dtype is {dtype}; it must be one of {', '.join(map(str, DTYPES))}.")
    data, views = views_of([frame], order=order, device=device)
    view = views[0]
    channels = 3 if view.colour else 1
    lowest = view.first + min(2 * view.colour, 0)
    whole = data[0].as_strided(
        (view.height, view.width, channels),
        (view.row, view.pixel, max(abs(view.colour), 1)),
        data[0].storage_offset() + lowest,
    )
    places = torch.tensor(corners(view.width, view.height, size, overlap), dtype=torch.int32)
    if whole.is_cuda:
        places = places.pin_memory().to(whole.device, non_blocking=True)
    return _tile(whole, places, size, view.colour < 0, dtype, padding), places


@torch.library.custom_op("core_kernels::tile", mutates_args=())
def _tile(
    frame: Tensor, places: Tensor, size: int, blue_first: bool, dtype: torch.dtype, padding: int
) -> Tensor:
    run = chosen("tile", frame.device, Facts(dtype=dtype))
    tiles: Tensor = run(frame, places, size, blue_first, dtype, padding)
    return tiles


@_tile.register_fake
def _(
    frame: Tensor, places: Tensor, size: int, blue_first: bool, dtype: torch.dtype, padding: int
) -> Tensor:
    return frame.new_empty((places.shape[0], 3, size, size), dtype=dtype)

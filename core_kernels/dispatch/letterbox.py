"""`letterbox`: frames of any sizes into the network's picture, one launch for a batch."""

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.frames import Layout, Order, View, views_of
from core_kernels.dispatch.registry import Facts, Implementation, needs_triton, register
from core_kernels.errors import ArgumentRefused
from core_kernels.structures.placing import COLUMNS, PLACEMENT, pictures_empty, placed

DTYPES = (torch.float16, torch.bfloat16, torch.float32)

register(
    Implementation(
        operation="letterbox",
        name="triton",
        triton=True,
        run="core_kernels.triton_ops.letterbox:letterbox",
        rank=5,
        objection=needs_triton,
    )
)
register(
    Implementation(
        operation="letterbox",
        name="numba",
        run="core_kernels.cpu_ops.letterbox:letterbox",
        devices=frozenset({"cpu"}),
        rank=10,
    )
)
register(
    Implementation(
        operation="letterbox", name="reference", run="core_kernels.reference.letterbox:letterbox"
    )
)


def letterbox(
    frames: Sequence[Tensor | NDArray[Any]],
    size: tuple[int, int],
    *,
    dtype: torch.dtype = torch.float16,
    device: torch.device | str | None = None,
    order: Order = "bgr",
    layout: Layout = "hwc",
    padding: int = 114,
    scaleup: bool = True,
    channels_last: bool = False,
) -> tuple[Tensor, Tensor]:
    """Resize, pad, order colours, scale to 0..1: a batch of pictures for a network.

    Bilinear without antialiasing, bit for bit OpenCV's INTER_LINEAR on bytes, in Ultralytics'
    LetterBox geometry (centred; without `scaleup` small frames keep their size).

    Args:
        frames: uint8 [H, W, 3], [H, W, 1] or [H, W] each ([3, H, W] with `layout` "chw"), of any
            sizes; views with steps of their own are not copied first, save to another device.
        size: height and width of the pictures, pixels.
        device: where the pictures go; where the frames are by default.
        order: of the colours in memory; the pictures are red first.
        padding: grey level around a frame.
        channels_last: the pictures lie in memory colour by colour of each pixel.

    Returns:
        pictures [B, 3, height, width] in `dtype`; placements fp32 [B, 6] on the same device, for
        `detect_postprocess`: scale x, scale y, left, top (network pixels), width, height (source).

    Raises:
        ArgumentRefused: a frame has another form, or frames lie on several devices.
        NoImplementation: an implementation was asked for that cannot serve this call.
    """
    data, views = views_of(frames, order=order, layout=layout, device=device)
    table = table_of(views, size, scaleup=scaleup)
    if not data:
        data = [torch.empty(0, dtype=torch.uint8, device=device)]
    elif data[0].is_cuda:
        table = table.pin_memory().to(data[0].device, non_blocking=True)
    return letterbox_packed(
        data, table, size, dtype=dtype, padding=padding, channels_last=channels_last
    )


def table_of(views: Sequence[View], size: tuple[int, int], *, scaleup: bool = True) -> Tensor:
    """The table int64 [B, 11] on the CPU that `letterbox_packed` wants for these views."""
    height, width = size
    rows = [row_of(view, height, width, scaleup=scaleup) for view in views]
    return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), len(COLUMNS))


def row_of(view: View, height: int, width: int, *, scaleup: bool = True) -> tuple[int, ...]:
    """One row of that table, see `placing.COLUMNS`."""
    return (
        view.source, view.first, view.row, view.pixel, view.colour, view.width, view.height,
        *placed(view.width, view.height, width, height, scaleup),
    )  # fmt: skip


def letterbox_packed(
    data: Sequence[Tensor],
    table: Tensor,
    size: tuple[int, int],
    *,
    dtype: torch.dtype = torch.float16,
    padding: int = 114,
    channels_last: bool = False,
) -> tuple[Tensor, Tensor]:
    """`letterbox` of bytes that lie on the device already, described by a table on that device.

    This is the call to capture in a CUDA graph (with one tensor of bytes): at replay the table may
    say other sizes. A row of zeros makes a picture of padding.

    Args:
        data: uint8 [bytes] each, on one device.
        table: int64 [B, 11] from `table_of`, on that device. Its values are not checked here.
            On a GPU a first byte may lie outside `data`, in other memory of that device.

    Raises:
        ArgumentRefused: shapes, dtypes or devices do not fit.
    """
    if not data or any(one.dtype != torch.uint8 or one.dim() != 1 for one in data):
        raise ArgumentRefused("data must be at least one tensor, each uint8 of one dimension.")
    if table.dtype != torch.int64 or table.dim() != 2 or table.shape[1] != len(COLUMNS):
        raise ArgumentRefused(
            f"table is {table.dtype} {tuple(table.shape)}; give int64 [B, {len(COLUMNS)}], made by "
            "table_of."
        )
    if any(one.device != table.device for one in data):
        raise ArgumentRefused(
            f"table is on {table.device} and the bytes are on "
            f"{', '.join(sorted({str(one.device) for one in data}))}; put them on one device."
        )
    if dtype not in DTYPES:
        raise ArgumentRefused(f"dtype is {dtype}; it must be one of {', '.join(map(str, DTYPES))}.")
    if not 0 <= padding <= 255 or min(size) < 1:
        raise ArgumentRefused(
            f"padding is {padding} and size {size}; the first must be 0 to 255, the second at "
            "least (1, 1)."
        )
    pictures, placements = _letterbox(
        list(data), table, size[0], size[1], dtype, padding, channels_last
    )
    return pictures, placements


@torch.library.custom_op("core_kernels::letterbox", mutates_args=())
def _letterbox(
    data: Sequence[Tensor], table: Tensor, height: int, width: int, dtype: torch.dtype,
    padding: int, channels_last: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    run = chosen("letterbox", table.device, Facts(dtype=dtype))
    pictures, placements = run(data, table, height, width, dtype, padding, channels_last)
    return pictures, placements


@_letterbox.register_fake
def _(
    data: Sequence[Tensor], table: Tensor, height: int, width: int, dtype: torch.dtype,
    padding: int, channels_last: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    pictures = pictures_empty(table, height, width, dtype, channels_last=channels_last)
    return pictures, table.new_empty((table.shape[0], len(PLACEMENT)), dtype=torch.float32)

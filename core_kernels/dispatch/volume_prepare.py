"""`volume_prepare`: a CT volume to windows of Hounsfield units on another grid, in one pass."""

from collections.abc import Sequence

import torch
from torch import Tensor

from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.registry import Facts, Implementation, needs_triton, register
from core_kernels.errors import ArgumentRefused
from core_kernels.structures.resampling import prepared_length, reached

DTYPES = (torch.float16, torch.bfloat16, torch.float32)
Millimetres = tuple[float, float, float]

register(
    Implementation(
        operation="volume_prepare",
        name="triton",
        triton=True,
        run="core_kernels.triton_ops.volume_prepare:volume_prepare",
        rank=5,
        objection=needs_triton,
    )
)
register(
    Implementation(
        operation="volume_prepare",
        name="numba",
        run="core_kernels.cpu_ops.volume_prepare:volume_prepare",
        devices=frozenset({"cpu"}),
        rank=10,
    )
)
register(
    Implementation(
        operation="volume_prepare",
        name="reference",
        run="core_kernels.reference.volume_prepare:volume_prepare",
    )
)


def prepared_shape(
    shape: Sequence[int], spacing: Millimetres, target: Millimetres
) -> tuple[int, int, int]:
    """Slices, rows and columns after resampling; spacings in mm along z, y and x.

    Raises:
        ArgumentRefused: a spacing is not above zero, or the volume is empty.
    """
    _check_grid(shape, spacing, target)
    z, y, x = (prepared_length(*axis) for axis in zip(shape, spacing, target, strict=True))
    return z, y, x


def slices_needed(
    depth: int, spacing: float, target: float, start: int, stop: int
) -> tuple[int, int]:
    """The slices of a volume, from and to (not included), that resampled ones are made of.

    With these a volume that does not fit is worked through in parts: read them, give them to
    `volume_prepare` with the same `start` and `stop`.

    Args:
        depth: slices of the whole volume.
        spacing, target: mm along z.
        start, stop: the resampled slices wanted, the last not included.

    Raises:
        ArgumentRefused: there are no such resampled slices.
    """
    count = prepared_length(depth, spacing, target)
    if not 0 <= start < stop <= count:
        raise ArgumentRefused(
            f"start is {start} and stop {stop}; of {depth} slices {count} are made, so they must "
            f"lie in 0 to {count}, start below stop."
        )
    scale = target / spacing
    return reached(start, depth, scale)[0], reached(stop - 1, depth, scale)[1]


def volume_prepare(
    volume: Tensor,
    *,
    spacing: Millimetres,
    target: Millimetres,
    windows: Sequence[tuple[float, float]],
    slope: float = 1.0,
    intercept: float = 0.0,
    dtype: torch.dtype = torch.float16,
    depth: int | None = None,
    first: int = 0,
    start: int = 0,
    stop: int | None = None,
) -> Tensor:
    """Rescale to HU, resample antialiased, cut to windows and scale each to 0..1.

    The filter is a triangle with a half width of one voxel of the coarser grid, along each axis.

    Args:
        volume: int16 [d, H, W].
        spacing, target: of the volume and of the result, mm along z, y and x.
        windows: centre and width in HU of each.
        slope, intercept: ``HU = value · slope + intercept``.
        depth, first, start, stop: for a part of a volume of `depth` slices: `volume` holds its
            slices from `first` on, and the resampled slices `start` to `stop` are made;
            `slices_needed` says which slices those take.

    Returns:
        [windows, slices, rows, columns] in `dtype`, see `prepared_shape`.

    Raises:
        ArgumentRefused: the volume has another form, or a value is out of range.
        NoImplementation: an implementation was asked for that cannot serve this call.
    """
    if volume.dtype != torch.int16 or volume.dim() != 3:
        raise ArgumentRefused(
            f"volume is {volume.dtype} {tuple(volume.shape)}; give torch.int16 [D, H, W]."
        )
    if not windows or any(width <= 0 for _, width in windows):
        raise ArgumentRefused(
            f"windows is {list(windows)}; give at least one pair of centre and width in HU, the "
            "width above zero."
        )
    if dtype not in DTYPES:
        raise ArgumentRefused(f"dtype is {dtype}; it must be one of {', '.join(map(str, DTYPES))}.")
    whole = len(volume) if depth is None else depth
    count, rows, columns = prepared_shape((whole, *volume.shape[1:]), spacing, target)
    last = count if stop is None else stop
    low, high = slices_needed(whole, spacing[0], target[0], start, last)
    if low < first or high > first + len(volume):
        raise ArgumentRefused(
            f"volume holds slices {first} to {first + len(volume)}, but resampled slices {start} "
            f"to {last} take slices {low} to {high}; ask slices_needed."
        )
    scales = [after / before for before, after in zip(spacing, target, strict=True)]
    flat = [float(value) for pair in windows for value in pair]
    made: Tensor = _volume_prepare(
        volume, whole, first, scales, [last - start, rows, columns], start,
        float(slope), float(intercept), flat, dtype,
    )  # fmt: skip
    return made


def _check_grid(shape: Sequence[int], spacing: Millimetres, target: Millimetres) -> None:
    if min(shape) < 1:
        raise ArgumentRefused(f"The volume is {' × '.join(map(str, shape))} voxels: it is empty.")
    for name, value in (("spacing", spacing), ("target", target)):
        if not all(0 < one < float("inf") for one in value):
            raise ArgumentRefused(
                f"{name} is {tuple(value)}; give millimetres above zero along z, y and x."
            )


@torch.library.custom_op("core_kernels::volume_prepare", mutates_args=())
def _volume_prepare(
    volume: Tensor, depth: int, first: int, scales: Sequence[float], shape: Sequence[int],
    start: int, slope: float, intercept: float, windows: Sequence[float], dtype: torch.dtype,
) -> Tensor:  # fmt: skip
    run = chosen("volume_prepare", volume.device, Facts(dtype=dtype))
    made: Tensor = run(
        volume, depth, first, list(scales), list(shape), start, slope, intercept, list(windows),
        dtype,
    )  # fmt: skip
    return made


@_volume_prepare.register_fake
def _(
    volume: Tensor, depth: int, first: int, scales: Sequence[float], shape: Sequence[int],
    start: int, slope: float, intercept: float, windows: Sequence[float], dtype: torch.dtype,
) -> Tensor:  # fmt: skip
    return volume.new_empty((len(windows) // 2, *shape), dtype=dtype)

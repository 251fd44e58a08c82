"""`volume_prepare` against torch's antialiased interpolation, a plain loop, and itself."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from core_kernels.dispatch.choice import using
from core_kernels.dispatch.volume_prepare import (
    prepared_shape,
    slices_needed,
    volume_prepare,
)
from core_kernels.errors import ArgumentRefused, NoImplementation
from core_kernels.structures.resampling import prepared_length, taps
from core_kernels.tolerances import assert_close

NAMES = ["triton", "reference"] + (["numba"] if not torch.cuda.is_available() else [])
WINDOWS = [(40.0, 400.0), (-600.0, 1500.0)]
GRIDS = [
    ((8, 24, 40), (1.0, 0.7, 0.7), (2.0, 1.4, 1.4)),
    ((7, 19, 21), (2.5, 0.8, 0.8), (1.0, 1.1, 0.5)),
    ((5, 12, 20), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    ((3, 9, 130), (1.0, 1.0, 1.0), (9.0, 7.3, 20.0)),
]


def made(shape: tuple[int, int, int], device: torch.device) -> Tensor:
    """Stored values as a scanner's, with a slope of 1 and an intercept of −1024."""
    return torch.randint(0, 4096, shape, dtype=torch.int16, device=device)


def along(values: np.ndarray, axis: int, scale: float, count: int) -> np.ndarray:
    """The filter as its definition reads, one position at a time, in float64."""
    values = np.moveaxis(values, axis, 0)
    half = max(scale, 1.0)
    rows = []
    for index in range(count):
        centre = (index + 0.5) * scale
        weights = [max(0.0, 1 - abs(at + 0.5 - centre) / half) for at in range(len(values))]
        rows.append(sum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights))
    return np.moveaxis(np.stack(rows), 0, axis)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("grid", GRIDS)
def test_every_implementation_is_the_filter_by_its_definition(
    name: str, grid: tuple[tuple[int, int, int], ...], device: torch.device
) -> None:
    shape, spacing, target = grid
    volume = made(shape, device)
    with using(volume_prepare=name):
        ours = volume_prepare(
            volume, spacing=spacing, target=target, windows=WINDOWS, intercept=-1024,
            dtype=torch.float32,
        )  # fmt: skip
    values = volume.cpu().numpy().astype(np.float64) - 1024
    count = prepared_shape(shape, spacing, target)
    for axis in range(3):
        values = along(values, axis, target[axis] / spacing[axis], count[axis])
    for window, (centre, width) in zip(ours.cpu(), WINDOWS, strict=True):
        expected = np.clip((values - (centre - width / 2)) / width, 0, 1)
        assert_close(window, torch.from_numpy(expected))


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 40), st.integers(1, 40)),
    spacing=st.tuples(*[st.floats(0.3, 5.0)] * 3),
    target=st.tuples(*[st.floats(0.5, 4.0)] * 3),
)
def test_any_grid_is_the_formula(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    target: tuple[float, float, float],
) -> None:
    volume = made(shape, torch.device("cpu"))
    given_to = {"spacing": spacing, "target": target, "windows": WINDOWS, "dtype": torch.float32}
    ours = volume_prepare(volume, **given_to)  # type: ignore[arg-type]
    with using(volume_prepare="reference"):
        assert_close(ours, volume_prepare(volume, **given_to))  # type: ignore[arg-type]


def test_halving_is_torchs_antialiased_interpolation(device: torch.device) -> None:
    volume = made((6, 32, 48), device)
    ours = volume_prepare(
        volume, spacing=(1, 1, 1), target=(1, 2, 2), windows=[(2048, 8192)], dtype=torch.float32
    )
    halved = F.interpolate(volume[None].float(), (16, 24), mode="bilinear", antialias=True)
    assert_close(ours, (halved + 2048) / 8192)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("grid", GRIDS[:3])
def test_a_volume_in_parts_gives_the_same_bits(
    name: str, grid: tuple[tuple[int, int, int], ...], device: torch.device
) -> None:
    shape, spacing, target = grid
    volume = made(shape, device)
    given_to = {"spacing": spacing, "target": target, "windows": WINDOWS, "dtype": torch.float32}
    count = prepared_shape(shape, spacing, target)[0]
    with using(volume_prepare=name):
        whole = volume_prepare(volume, **given_to)  # type: ignore[arg-type]
        for start in range(0, count, 2):
            stop = min(start + 2, count)
            low, high = slices_needed(shape[0], spacing[0], target[0], start, stop)
            part = volume_prepare(
                volume[low:high].clone(), **given_to, depth=shape[0], first=low,  # type: ignore[arg-type]
                start=start, stop=stop,
            )  # fmt: skip
            assert torch.equal(part, whole[:, start:stop])
            assert high - low <= math.ceil((stop - start + 2) * max(target[0] / spacing[0], 1)) + 1


def test_fp16_is_the_rounded_value(device: torch.device) -> None:
    volume = made((4, 16, 24), device)
    for name in NAMES:
        with using(volume_prepare=name):
            narrow = volume_prepare(
                volume, spacing=(1, 1, 1), target=(2, 2, 2), windows=WINDOWS, intercept=-1024
            )
            wide = volume_prepare(
                volume, spacing=(1, 1, 1), target=(2, 2, 2), windows=WINDOWS, intercept=-1024,
                dtype=torch.float32,
            )  # fmt: skip
        assert narrow.dtype == torch.float16
        assert torch.equal(narrow, wide.half())


def test_values_at_the_ends_of_int16_are_exact(device: torch.device) -> None:
    volume = torch.tensor([-32768, 32767, 0, 1], dtype=torch.int16, device=device)
    volume = volume.reshape(1, 1, 4).expand(2, 3, 4)
    for name in NAMES:
        with using(volume_prepare=name):
            ours = volume_prepare(
                volume, spacing=(1, 1, 1), target=(1, 1, 1), windows=[(0, 2**17)],
                dtype=torch.float32,
            )  # fmt: skip
        assert torch.equal(ours[0], volume.float() / 2**17 + 0.5)


@settings(max_examples=200, deadline=None)
@given(
    length=st.integers(1, 60),
    spacing=st.floats(0.3, 6),
    target=st.floats(0.3, 6),
)
def test_the_slices_needed_are_those_with_a_weight(
    length: int, spacing: float, target: float
) -> None:
    count = prepared_length(length, spacing, target)
    first, weights = taps(length, count, target / spacing)
    last = first + (weights > 0).sum(1)
    told = [slices_needed(length, spacing, target, at, at + 1) for at in range(count)]
    assert told == list(zip(first.tolist(), last.tolist(), strict=True))
    whole = slices_needed(length, spacing, target, 0, count)
    assert whole == (int(first[0]), int(last[-1]))


def test_it_compiles_whole(device: torch.device) -> None:
    def doubled(volume: Tensor) -> Tensor:
        return 2 * volume_prepare(
            volume, spacing=(2.0, 1.0, 1.0), target=(2.0, 2.0, 2.0), windows=WINDOWS
        )

    volume = made((6, 8, 8), device)
    compiled = torch.compile(doubled, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(volume), doubled(volume))


def test_it_passes_opcheck(device: torch.device) -> None:
    given_to = (
        made((4, 8, 8), device), 4, 0, [2.0, 2.0, 2.0], [2, 4, 4], 0, 1.0, 0.0, [40.0, 400.0],
        torch.float16,
    )  # fmt: skip
    torch.library.opcheck(torch.ops.core_kernels.volume_prepare, given_to)


def test_what_does_not_fit_is_refused_by_name(device: torch.device) -> None:
    volume = made((6, 8, 8), device)
    grid = {"spacing": (1.0, 1.0, 1.0), "target": (2.0, 2.0, 2.0), "windows": WINDOWS}
    with pytest.raises(ArgumentRefused, match=r"volume is torch\.float32"):
        volume_prepare(volume.float(), **grid)  # type: ignore[arg-type]
    with pytest.raises(ArgumentRefused, match=r"windows is \[\(40, 0\)\]"):
        volume_prepare(volume, spacing=(1, 1, 1), target=(2, 2, 2), windows=[(40, 0)])
    with pytest.raises(ArgumentRefused, match="target is"):
        volume_prepare(volume, spacing=(1, 1, 1), target=(0, 2, 2), windows=WINDOWS)
    with pytest.raises(ArgumentRefused, match="take slices 0 to 5; ask slices_needed"):
        volume_prepare(volume[2:], **grid, depth=6, first=2, start=0, stop=2)  # type: ignore[arg-type]
    with pytest.raises(ArgumentRefused, match="of 6 slices 3 are made"):
        slices_needed(6, 1.0, 2.0, 2, 4)
    with using(volume_prepare="cupy"), pytest.raises(NoImplementation, match="triton"):
        volume_prepare(volume, **grid)  # type: ignore[arg-type]

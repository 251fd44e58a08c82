"""`volume_prepare` against torch's interpolation; and a row of studies with their copies."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from core_kernels.benchmarks.harness import Case, Goal, Run
from core_kernels.dispatch.volume_prepare import volume_prepare
from core_kernels.structures.resampling import lines, matrix
from core_kernels.tolerances import assert_close
from core_kernels.transfer.pipeline import Pipeline

SPACING, TARGET = (1.0, 0.7, 0.7), (2.0, 1.4, 1.4)
SOFT = [(40.0, 400.0)]
THREE = [(40.0, 400.0), (-600.0, 1500.0), (300.0, 1500.0)]
STUDIES = 6


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """A CT of 300×512×512 to half its size, one window and three; studies one after the other."""
    shape = (24, 64, 64) if quick else (300, 512, 512)
    volume = torch.randint(0, 4096, shape, dtype=torch.int16)
    for windows in (SOFT, THREE):
        yield _case(volume.to(device), windows)
    if device.type == "cuda":
        yield _studies(volume.pin_memory(), device)


def _case(volume: Tensor, windows: list[tuple[float, float]]) -> Case:
    dtype = torch.float16

    def ours() -> Tensor:
        return volume_prepare(
            volume, spacing=SPACING, target=TARGET, windows=windows, intercept=-1024, dtype=dtype
        )

    antialiased = by_interpolation(volume, windows, dtype)

    def check() -> None:
        assert_close(ours(), antialiased(), slack=2)

    peers: dict[str, Run | None] = {
        "torch, the same filter": antialiased,
        "torch, the same as matrix products": by_products(volume, windows, dtype),
        "torch trilinear, not antialiased": by_trilinear(volume, windows, dtype),
    }
    made = ours()
    return Case(
        operation="volume_prepare",
        label=f"{'×'.join(map(str, volume.shape))} int16 to half, {len(windows)} windows",
        ours=ours, peers=peers, check=check, bytes=volume.nbytes + made.nbytes, units=1,
        goals=(Goal(ratio=8, peer="torch, the same filter"),) if volume.is_cuda else (),
        graph=volume.is_cuda,
    )  # fmt: skip


def _windows(values: Tensor, windows: list[tuple[float, float]], dtype: torch.dtype) -> Tensor:
    told = lines(1.0, -1024.0, [value for pair in windows for value in pair])
    return torch.stack([(values * a + b).clamp(0, 1) for a, b in told]).to(dtype)


def by_interpolation(
    volume: Tensor, windows: list[tuple[float, float]], dtype: torch.dtype
) -> Callable[[], Tensor]:
    """Rows and columns by torch's antialiased interpolation, then the slices by it again."""
    depth, height, width = (length // 2 for length in volume.shape)

    def run() -> Tensor:
        planes = F.interpolate(
            volume.float()[None], (height, width), mode="bilinear", antialias=True
        )
        flat = planes.reshape(1, 1, len(volume), height * width)
        small = F.interpolate(flat, (depth, height * width), mode="bilinear", antialias=True)
        return _windows(small.reshape(depth, height, width), windows, dtype)

    return run


def by_products(
    volume: Tensor, windows: list[tuple[float, float]], dtype: torch.dtype
) -> Callable[[], Tensor]:
    """Each axis by one product with the matrix of its weights, in fp32."""
    factors = [
        matrix(length, length // 2, 2.0).float().to(volume.device) for length in volume.shape
    ]

    def run() -> Tensor:
        values = volume.float()
        for weights in factors:
            values = torch.tensordot(values, weights, ([0], [1]))
        return _windows(values, windows, dtype)

    return run


def by_trilinear(
    volume: Tensor, windows: list[tuple[float, float]], dtype: torch.dtype
) -> Callable[[], Tensor]:
    """Another, rougher answer: what is written when the filter is forgotten."""
    size = tuple(length // 2 for length in volume.shape)

    def run() -> Tensor:
        values = F.interpolate(volume.float()[None, None], size, mode="trilinear")
        return _windows(values[0, 0], windows, dtype)

    return run


def _studies(pinned: Tensor, device: torch.device) -> Case:
    """Copies in and work side by side: from the second study on, only the copy should be felt."""
    target = torch.empty_like(pinned, device=device)

    def prepare(given: dict[str, Tensor]) -> dict[str, Tensor]:
        made = volume_prepare(
            given["volume"], spacing=SPACING, target=TARGET, windows=SOFT, intercept=-1024
        )
        return {"middle": made[:, len(made[0]) // 2]}

    pipeline = Pipeline(prepare, device, slots=2)

    def ours() -> list[Tensor]:
        studies = pipeline.run([{"volume": pinned}] * STUDIES)
        return [found["middle"].clone() for found in studies]

    def check() -> None:
        expected = prepare({"volume": pinned.to(device)})["middle"].cpu()
        if not all(torch.equal(middle, expected) for middle in ours()):
            raise AssertionError("a study in the row differs from the study alone.")

    def copies() -> None:
        for _ in range(STUDIES):
            target.copy_(pinned, non_blocking=True)

    return Case(
        operation="volume_prepare", label=f"{STUDIES} studies from pinned memory", ours=ours,
        peers={"the copies alone": copies}, check=check, units=STUDIES,
        goals=(Goal(ratio=0.85, peer="the copies alone"),), cold=False,
    )  # fmt: skip

"""`tile` against slices in torch."""

from collections.abc import Iterator

import torch
from torch import Tensor

from core_kernels.benchmarks.harness import Case
from core_kernels.dispatch.tile import tile

SIZE = 640


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """Frames of 5 and of 24 megapixels."""
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    for height, width in ((2048, 2448), (4000, 6000)):
        if quick:
            height, width = height // 2, width // 3
        frame = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8, device=device)
        yield _case(f"{width}×{height} to tiles of {SIZE}²", frame, dtype)


def _case(label: str, frame: Tensor, dtype: torch.dtype) -> Case:
    tiles, places = tile(frame, SIZE, dtype=dtype)
    corners: list[list[int]] = places.tolist()

    def eager() -> Tensor:
        planes = frame.permute(2, 0, 1).flip(0)
        cut = [planes[:, top : top + SIZE, left : left + SIZE] for left, top in corners]
        return torch.stack(cut).to(dtype) / 255

    def check() -> None:
        if not torch.equal(tile(frame, SIZE, dtype=dtype)[0], eager()):
            raise AssertionError("tiles differ from slices of the frame.")

    return Case(
        operation="tile", label=label, ours=lambda: tile(frame, SIZE, dtype=dtype)[0],
        peers={"torch slices": eager}, check=check, bytes=frame.numel() + tiles.nbytes,
        units=len(corners), graph=frame.is_cuda,
    )  # fmt: skip

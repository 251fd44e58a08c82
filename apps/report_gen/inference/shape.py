"""How large the network is and what it sees: one record beside the weights."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from loupe.contract.runtime.errors import ModelRefused

WINDOWS: tuple[tuple[float, float], ...] = ((-600.0, 1500.0), (40.0, 400.0), (350.0, 1300.0))
"""Centre and width in HU: lung, soft tissue, calcium and bone."""
LARGEST_VOLUME = 256 * 512 * 512
LATER = {"detail": 0}
"""Fields that models of an earlier version were stored without, and what they mean there."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Of everything; the defaults are those of the shipped model.

    Attributes:
        grid: slices, rows, columns that the network takes, multiples of 16.
        spacing: mm between them.
        stages: channels of the four stages of the residual network.
        fine: channels of the pyramid, where centres and masks are told.
        detail: channels beside them of the volume at full resolution (`Detail`); 0: none.
        width: of tokens, text and decoder.
        crop: edge in voxels of the cube in which a small lesion's outline is drawn.
    """

    grid: tuple[int, int, int] = (160, 224, 224)
    spacing: tuple[float, float, float] = (2.0, 1.6, 1.6)
    stages: tuple[int, int, int, int] = (32, 64, 128, 256)
    blocks: int = 2
    fine: int = 32
    detail: int = 24
    width: int = 256
    heads: int = 4
    token_layers: int = 2
    text_layers: int = 2
    decoder_layers: int = 4
    vocabulary: int = 2048
    positions: int = 640
    text_positions: int = 160
    crop: int = 24

    def __post_init__(self) -> None:
        if any(size % 16 or size < 16 for size in self.grid):
            raise ModelRefused(
                f"The network's grid is {self.grid}; sizes must be multiples of 16 from 16 up.",
                code="shape_grid",
            )
        if self.grid[0] * self.grid[1] * self.grid[2] > LARGEST_VOLUME:
            raise ModelRefused(
                f"The network's grid {self.grid} has more than {LARGEST_VOLUME} voxels; "
                "give a smaller one.",
                code="shape_grid",
            )

    def to_json(self) -> str:
        """As it is stored."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Back again; unknown and missing fields are refused, but for those of `LATER`."""
        read = json.loads(text)
        known = {field.name for field in fields(cls)}
        if isinstance(read, dict):
            read = LATER | read
        if not isinstance(read, dict) or set(read) != known:
            raise ModelRefused(
                "The model's shape does not have the fields of this version of Loupe; train or "
                "fetch the model again.",
                code="shape_fields",
            )
        made: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in read.items()
        }
        return cls(**made)


TOY = Shape(
    grid=(32, 48, 48), spacing=(10.0, 7.4, 7.4), stages=(8, 8, 16, 16), blocks=1, fine=8,
    detail=4, width=32, heads=2, token_layers=1, text_layers=1, decoder_layers=1, crop=8,
)  # fmt: skip
"""Trains on a CPU in seconds; finds nothing."""

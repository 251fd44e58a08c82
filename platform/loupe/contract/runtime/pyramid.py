"""An image cut into tiles at several sizes, in one file: what a viewer zooms into.

    8 bytes   b"LPTILES1"
    4 bytes   length of the description, little-endian
    …         {"width", "height", "tile", "media_type", "levels": [{"columns", "rows", "ends"}]}
    …         the tiles, one after the other: level by level, row by row

Level 0 is the image itself, each further one has half the size of the one before (rounded up), and
the last fits into one tile. ``ends`` says where each tile of the level ends, in bytes from the
beginning of the first tile of the file. Free of Django and of any imaging library.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loupe.contract.runtime.errors import LoupeError

MAGIC = b"LPTILES1"
MEDIA_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
_LARGEST_DESCRIPTION = 8 * 2**20


class PyramidDamaged(LoupeError):
    """The file is no pyramid, or a damaged one."""

    code = "pyramid_damaged"


@dataclass(frozen=True, kw_only=True)
class Level:
    """One size of the image. `ends` has one entry a tile, row by row."""

    columns: int
    rows: int
    ends: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Pyramid:
    """A pyramid on disk. Sizes are in pixels; `start` is where the first tile begins, in bytes."""

    path: Path
    width: int
    height: int
    tile: int
    media_type: str
    levels: tuple[Level, ...]
    start: int

    def read(self, level: int, column: int, row: int) -> bytes | None:
        """The encoded tile, or None where the image has none."""
        if not 0 <= level < len(self.levels):
            return None
        size = self.levels[level]
        if not (0 <= column < size.columns and 0 <= row < size.rows):
            return None
        index = row * size.columns + column
        end = size.ends[index]
        before = self.levels[level - 1].ends[-1] if level else 0
        begin = size.ends[index - 1] if index else before
        with self.path.open("rb") as file:
            file.seek(self.start + begin)
            return file.read(end - begin)


def grid(width: int, height: int, tile: int) -> tuple[tuple[int, int, int, int], ...]:
    """Per level: width and height in pixels, columns and rows of tiles."""
    sizes = []
    while True:
        sizes.append((width, height, -(-width // tile), -(-height // tile)))
        if width <= tile and height <= tile:
            return tuple(sizes)
        width, height = (width + 1) // 2, (height + 1) // 2


def pack(
    width: int, height: int, tile: int, media_type: str, levels: Iterable[Sequence[bytes]]
) -> bytes:
    """The bytes of a pyramid. Each level's tiles come row by row.

    Raises:
        ValueError: the tiles do not fit the size.
    """
    sizes = grid(width, height, tile)
    described: list[dict[str, Any]] = []
    body: list[bytes] = []
    end = 0
    for tiles in levels:
        ends = []
        for encoded in tiles:
            end += len(encoded)
            ends.append(end)
            body.append(encoded)
        columns, rows = sizes[len(described)][2:] if len(described) < len(sizes) else (0, 0)
        if len(ends) != columns * rows:
            raise ValueError(
                f"Level {len(described)} has {len(ends)} tiles; a picture of {width} × {height} "
                f"pixels has {columns} × {rows} there."
            )
        described.append({"columns": columns, "rows": rows, "ends": ends})
    if len(described) != len(sizes):
        raise ValueError(f"There are {len(described)} levels; there must be {len(sizes)}.")
    text = json.dumps(
        {
            "width": width,
            "height": height,
            "tile": tile,
            "media_type": media_type,
            "levels": described,
        },
        separators=(",", ":"),
    ).encode()
    return b"".join([MAGIC, len(text).to_bytes(4, "little"), text, *body])


def open_pyramid(path: Path) -> Pyramid:
    """Read the description. What wrote the file saw hostile bytes, so nothing of it is believed.

    Raises:
        PyramidDamaged: it contradicts itself or the file's length.
    """
    damaged = PyramidDamaged(f"The tiles kept as {path.name} are damaged; they are made anew.")
    with path.open("rb") as file:
        head = file.read(len(MAGIC) + 4)
        length = int.from_bytes(head[len(MAGIC) :], "little")
        if head[: len(MAGIC)] != MAGIC or length > _LARGEST_DESCRIPTION:
            raise damaged
        text = file.read(length)
        available = file.seek(0, 2) - len(head) - length
    try:
        return _checked(path, json.loads(text), len(head) + length, available)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged from error


def _checked(path: Path, said: dict[str, Any], start: int, available: int) -> Pyramid:
    width, height, tile = int(said["width"]), int(said["height"]), int(said["tile"])
    if not (0 < width < 2**20 and 0 < height < 2**20 and 64 <= tile <= 4096):
        raise ValueError("size")
    if said["media_type"] not in MEDIA_TYPES:
        raise ValueError("media type")
    levels, last = [], 0
    for (_, _, columns, rows), level in zip(grid(width, height, tile), said["levels"], strict=True):
        ends = [int(end) for end in level["ends"]]
        if len(ends) != columns * rows or ends != sorted(ends) or ends[0] < last:
            raise ValueError("tiles")
        last = ends[-1]
        levels.append(Level(columns=columns, rows=rows, ends=ends))
    if last != available:
        raise ValueError("length")
    return Pyramid(
        path=path,
        width=width,
        height=height,
        tile=tile,
        media_type=str(said["media_type"]),
        levels=tuple(levels),
        start=start,
    )

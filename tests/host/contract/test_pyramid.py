"""The file of tiles: what is packed is read back, what is damaged is refused."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loupe.contract.runtime.pyramid import MAGIC, PyramidDamaged, grid, open_pyramid, pack


def made(width: int, height: int, tile: int = 64) -> bytes:
    """Tiles that hold their own place as text."""
    levels = [
        [f"{level}/{column}/{row}".encode() for row in range(rows) for column in range(columns)]
        for level, (_, _, columns, rows) in enumerate(grid(width, height, tile))
    ]
    return pack(width, height, tile, "image/jpeg", levels)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (64, 64), (65, 64), (300, 190), (1000, 3)])
def test_every_tile_is_read_back_from_its_place(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "a.tiles"
    path.write_bytes(made(width, height))
    found = open_pyramid(path)
    assert (found.width, found.height) == (width, height)
    for level, (_, _, columns, rows) in enumerate(grid(width, height, 64)):
        for row in range(rows):
            for column in range(columns):
                assert found.read(level, column, row) == f"{level}/{column}/{row}".encode()
        assert found.read(level, columns, 0) is None
        assert found.read(level, 0, rows) is None
    assert found.read(len(found.levels), 0, 0) is None
    assert found.read(-1, 0, 0) is None


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.sampled_from([64, 256, 512]))
def test_levels_halve_until_one_tile_holds_the_image(width: int, height: int, tile: int) -> None:
    levels = grid(width, height, tile)
    assert levels[0][:2] == (width, height)
    for (w, h, _, _), (smaller_w, smaller_h, _, _) in pairwise(levels):
        assert (smaller_w, smaller_h) == (-(-w // 2), -(-h // 2))
    assert levels[-1][2:] == (1, 1)
    assert all(columns * rows > 1 for _, _, columns, rows in levels[:-1])


def test_tiles_that_do_not_fit_the_size_are_not_packed() -> None:
    with pytest.raises(ValueError, match="has 1 tiles"):
        pack(65, 1, 64, "image/jpeg", [[b"a"], [b"b"]])
    with pytest.raises(ValueError, match="there must be 2"):
        pack(65, 1, 64, "image/jpeg", [[b"a", b"b"]])


def described(**changes: object) -> bytes:
    """A small pyramid whose description was tampered with."""
    said = {
        "width": 65,
        "height": 1,
        "tile": 64,
        "media_type": "image/jpeg",
        "levels": [
            {"columns": 2, "rows": 1, "ends": [1, 2]},
            {"columns": 1, "rows": 1, "ends": [3]},
        ],
        **changes,
    }
    text = json.dumps(said).encode()
    return MAGIC + len(text).to_bytes(4, "little") + text + b"abc"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PNG",
        made(300, 190)[:-1],
        made(300, 190) + b"x",
        MAGIC + (2**31).to_bytes(4, "little"),
        MAGIC + (4).to_bytes(4, "little") + b"nono",
        MAGIC + (2).to_bytes(4, "little") + b"[]",
        described(width=0),
        described(width=2**40),
        described(tile=1),
        described(media_type="text/html"),
        described(levels=[]),
        described(levels=[{"ends": [2, 1]}, {"ends": [3]}]),
        described(levels=[{"ends": [1, 2]}, {"ends": [1]}]),
        described(levels=[{"ends": [-5, 2]}, {"ends": [3]}]),
        described(levels=[{"ends": ["a", 2]}, {"ends": [3]}]),
    ],
)
def test_a_damaged_or_hostile_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.tiles"
    path.write_bytes(data)
    with pytest.raises(PyramidDamaged, match=r"a\.tiles"):
        open_pyramid(path)


def test_the_sample_that_the_damaged_ones_come_from_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.tiles"
    path.write_bytes(described())
    assert open_pyramid(path).read(1, 0, 0) == b"c"

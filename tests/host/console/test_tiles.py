"""Tiles of large pictures: cut once, served by place, kept within bounds, hidden from strangers."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.console import tile_cache
from loupe.console.pages import tiles
from loupe.console.tile_cache import pyramid, sweep
from loupe.contract.runtime.steps import load
from loupe.jobs.models import Result
from loupe.plugins import registry as apps
from loupe.testing import factories
from tests.host.console.conftest import APP, House


class InProcess:
    """The engine's sandbox, without its process: counts how often it was asked."""

    asked = 0

    def __init__(self, socket: Path) -> None: ...

    def render(self, run: str, path: Path, options: Mapping[str, Any], deadline_ms: float) -> bytes:
        InProcess.asked += 1
        return bytes(load(run)(path, options))


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> None:
    settings.VAR = tmp_path
    InProcess.asked = 0
    monkeypatch.setattr(tile_cache, "EngineClient", InProcess)


@pytest.fixture
def shown(house: House) -> Result:
    blob = reading(7)
    made = factories.Made(name="a.json", data={"value": 7.0, "scaled": 14.0}, blob=blob)
    return Result.objects.get(job=factories.job(house.project, APP, [made]))


def reading(value: int) -> Blob:
    return blobs.store_bytes(b'{"value": %d}' % value, "application/json")


def test_a_viewer_learns_the_size_and_gets_each_tile(house: House, shown: Result) -> None:
    client = house.client("viewer")
    there = house.app(f"results/{shown.pk}/")
    said = client.get(f"{there}tiles.json").json()
    assert (said["width"], said["height"], said["tile"], said["levels"]) == (65, 1, 64, 2)
    at = said["address"]
    for place, text in {"0/0/0": b"7 left", "0/1/0": b"7 right", "1/0/0": b"7 whole"}.items():
        answer = client.get(at.replace("LEVEL/COLUMN/ROW", place))
        assert answer.content == text
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in answer["Cache-Control"]
    assert client.get(at.replace("LEVEL/COLUMN/ROW", "0/2/0")).status_code == 404
    assert InProcess.asked == 1


def test_tiles_of_another_project_do_not_exist(house: House, shown: Result) -> None:
    stranger = house.client("stranger")
    for rest in ("tiles.json", "tiles/0/0/0"):
        assert stranger.get(house.app(f"results/{shown.pk}/{rest}")).status_code == 404
        foreign = house.app(f"results/{house.foreign.pk}/{rest}")
        assert house.client().get(foreign).status_code == 404


def test_a_picture_that_cannot_be_cut_says_why(house: House) -> None:
    blob = blobs.store_bytes(b'{"wrong": 1}', "application/json")
    made = factories.Made(name="a.json", data={"value": 7.0, "scaled": 14.0}, blob=blob)
    row = Result.objects.get(job=factories.job(house.project, APP, [made]))
    answer = house.client().get(house.app(f"results/{row.pk}/tiles.json"))
    assert (answer.status_code, b"is no reading" in answer.content) == (422, True)


def test_damaged_tiles_are_cut_anew(db: None, tmp_path: Path) -> None:
    domain, blob = apps.get(APP), reading(3)
    kept = pyramid(domain, blob).path
    kept.write_bytes(b"damaged")
    os.truncate(kept, 3)
    tile_cache._described.cache_clear()
    assert pyramid(domain, blob).read(1, 0, 0) == b"3 whole"
    assert InProcess.asked == 2


def test_the_cache_forgets_what_was_not_looked_at_for_longest(db: None, settings: Any) -> None:
    domain = apps.get(APP)
    made = [reading(value) for value in range(4)]
    paths = [pyramid(domain, blob).path for blob in made]
    for age, path in enumerate(paths):
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    size = paths[0].stat().st_size
    settings.TILE_CACHE_BYTES = 2 * size + 10
    assert sweep() == 2 * size
    assert [path.exists() for path in paths] == [True, True, False, False]
    assert pyramid(domain, made[3]).read(1, 0, 0) == b"3 whole"
    assert sum(path.exists() for path in paths) == 2


def test_nothing_of_a_refused_disk_stays(db: None, settings: Any, tmp_path: Path) -> None:
    settings.MIN_FREE_BYTES = 2**62
    blob: Callable[[], Blob] = lambda: Blob.objects.get(pk=kept.pk)  # noqa: E731
    settings.MIN_FREE_BYTES = 0
    kept = reading(5)
    settings.MIN_FREE_BYTES = 2**62
    with pytest.raises(Exception, match="LOUPE_MIN_FREE_BYTES"):
        pyramid(apps.get(APP), blob())
    assert list(tmp_path.glob("tiles/*/*.*tiles")) == []


def test_small_pictures_go_out_as_they_came(db: None) -> None:
    photo = Blob(sha256="a" * 64, size=100_000, media_type="image/jpeg")
    large = Blob(sha256="b" * 64, size=3_000_000, media_type="image/jpeg")
    scan = Blob(sha256="c" * 64, size=100_000, media_type="image/tiff")
    domain = apps.get(APP)
    assert [tiles.kind(domain, blob) for blob in (photo, large, scan)] == [
        "image",
        "tiles",
        "tiles",
    ]

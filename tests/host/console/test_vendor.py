"""The libraries in the tree are the ones they say they are, under licences that allow it."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

import loupe.console

STATIC = Path(loupe.console.__file__).parent / "static"
VENDOR = STATIC / "vendor"
ENTRIES = json.loads((VENDOR / "vendor.json").read_text(encoding="utf-8"))
ALLOWED = {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry["folder"]))
def test_every_vendored_file_has_the_recorded_hash_and_an_allowed_licence(
    entry: dict[str, object],
) -> None:
    folder = VENDOR / str(entry["folder"])
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert found == entry["files"]
    assert "LICENSE" in found
    assert entry["licence"] in ALLOWED
    assert str(entry["version"]) in folder.name


def test_no_vendored_folder_is_left_unrecorded() -> None:
    folders = {path.name for path in VENDOR.iterdir() if path.is_dir()}
    assert folders == {entry["folder"] for entry in ENTRIES}


def test_a_page_weighs_less_than_150_kb_before_the_viewer_libraries() -> None:
    own = [*(STATIC / "console").glob("*.css"), *(STATIC / "console").glob("*.js")]
    shared = [VENDOR / "tabler-1.6.1/tabler.min.css", VENDOR / "htmx-4.0.1/htmx.min.js"]
    weight = sum(len(gzip.compress(path.read_bytes(), 6)) for path in [*own, *shared])
    assert weight < 150_000


def test_the_vendored_tree_stays_small() -> None:
    assert sum(path.stat().st_size for path in VENDOR.rglob("*") if path.is_file()) < 5_000_000

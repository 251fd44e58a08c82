"""Models that ship: their files are those that their manifests were written for."""

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MANIFESTS = sorted(ROOT.glob("apps/*/models_shipped/*/manifest.json"))


def test_models_ship() -> None:
    assert MANIFESTS


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.parent.name)
def test_every_shipped_file_is_the_one_its_manifest_names(path: Path) -> None:
    named = json.loads(path.read_text(encoding="utf-8"))["files"]
    found = {name: hashlib.sha256((path.parent / name).read_bytes()).hexdigest() for name in named}
    assert found == named

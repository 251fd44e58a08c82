"""Inputs that are cut into ranges: every range is read on its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loupe.blobs.sniff import content
from loupe.contract.app import DomainApp
from loupe.contract.inputs import SPLIT, InputKind
from loupe.contract.runtime.columns import row_count
from loupe.contract.runtime.steps import Place, load
from loupe.testing.conformance.subject import Subject, package_folder, places

MOST_RANGES = 50
"""Ranges of one sample that are read."""


def kinds(app: type[DomainApp]) -> list[InputKind]:
    """The kinds of input that the app has cut."""
    found = [kind for kind in app.inputs if kind.split is not None]
    if not found:
        pytest.skip("no input of the app is cut")
    return found


def samples(app: type[DomainApp]) -> list[tuple[Path, InputKind]]:
    """The app's samples of such kinds."""
    cut = kinds(app)
    if app.samples is None:
        pytest.skip("the app ships no samples")
    return [
        (path, kind)
        for path in sorted((package_folder(app) / app.samples).iterdir())
        for kind in cut
        if content.media_type(path) in kind.media_types
    ]


def ranges(run: str, path: Path, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All ranges of a file, those of later stretches included."""
    found: list[dict[str, Any]] = load(run)(path, dict(options))
    while SPLIT in found[-1]:
        found += load(run)(path, {**options, **found.pop()})
    return found


class Cutting(Subject):
    """Ranges of files."""

    def test_c38_what_cuts_is_importable_and_stands_before_a_parsing_step(
        self, app: type[DomainApp]
    ) -> None:
        for kind in kinds(app):
            assert callable(load(str(kind.split)))
            assert places(app)[0] is Place.SANDBOX

    def test_c39_every_range_of_a_sample_is_read_on_its_own(self, app: type[DomainApp]) -> None:
        parse = load(app.steps[0].run)
        for path, kind in samples(app):
            options = dict(kind.options)
            cut = ranges(str(kind.split), path, options)
            assert cut
            assert msgspec.json.decode(msgspec.json.encode(cut)) == cut
            # Backwards: no range may need the one before it to have been read.
            for one in reversed(cut[:MOST_RANGES]):
                payload = parse(path, {**options, **one})
                assert payload.arrays
                assert app.result_form == "rows" or row_count(payload.arrays) > 0

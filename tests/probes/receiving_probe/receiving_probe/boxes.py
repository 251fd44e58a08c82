"""Boxes: zips that say by their first entry what they are."""

import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from loupe.contract.receiving import GatheredItem, NotTaken
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload

MEDIA_TYPE = "application/vnd.probe.box+zip"


def pack(path: Path, files: Sequence[Path]) -> Path:
    """One box of all files, under numbers instead of names."""
    with zipfile.ZipFile(path, "w") as box:
        box.writestr("mimetype", MEDIA_TYPE)
        for number, file in enumerate(files):
            box.writestr(str(number), file.read_bytes())
    return path


def count(path: Path, options: Mapping[str, JsonValue]) -> Payload:
    """How many bytes the files of a box have; a plain text counts as a box of itself."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as box:
            letters = sum(each.file_size for each in box.infolist() if each.filename != "mimetype")
    else:
        content = path.read_bytes()
        if not content.isascii() or not content.strip(b"\0") or content.startswith(b"%PDF"):
            raise InputRefused("The file is no text and no box; send a box.", code="no_box")
        letters = len(content)
    return Payload(arrays={"letters": np.array([letters], np.int64)})


@contextmanager
def gather(paths: Sequence[Path]) -> "Iterator[Iterable[GatheredItem | NotTaken]]":
    """Everything at one path is one box; files that end in ``.odd`` are not taken."""
    for path in paths:
        if not path.exists():
            raise InputRefused(f"There is nothing at {path}. Give files.", code="no_such_path")
    with tempfile.TemporaryDirectory() as folder:
        yield list(_items(paths, Path(folder)))


def _items(paths: Sequence[Path], folder: Path) -> Iterator[GatheredItem | NotTaken]:
    for number, path in enumerate(paths):
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        odd = [file for file in files if file.suffix == ".odd"]
        yield GatheredItem(
            name=path.name,
            path=pack(folder / f"{number}", [each for each in files if each not in odd]),
        )
        for file in odd:
            yield NotTaken(name=file.name, code="odd", message="The file is odd. Leave it out.")

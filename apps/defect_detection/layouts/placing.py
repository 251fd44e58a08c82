"""Where a writer puts each picture: names that every reader of the layout can take."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from apps.defect_detection.labels import DatasetAbout, ImageLabels
from apps.defect_detection.layouts.tree import PICTURES, joined, stem, suffix
from loupe.contract.labelling import ReadRecord

ANY_SPLIT = "train"
"""Where records without a split go: layouts have no fourth place."""
STRUCTURE = frozenset(
    {"images", "labels", "pictures", "JPEGImages", "train", "val", "valid", "test"}
)
"""Folders that layouts give a meaning. They are left out of names, where they would be read as
such again."""


@dataclass
class Places:
    """Gives each record a path of its own whose stem is its own too, and puts its bytes there."""

    folder: Path
    _stems: set[str] = field(default_factory=set)

    def take(self, record: ReadRecord, below: str) -> str:
        """The path, relative to `folder`, that `record` got below the folder `below`."""
        name = plain_name(record)
        if suffix(name) not in PICTURES:
            name += suffix(record.file.name) or ".jpg"
        base, ending = stem(name), name[len(stem(name)) :]
        chosen, number = base, 1
        while f"{below}/{chosen}".casefold() in self._stems:
            number += 1
            chosen = f"{base}-{number}"
        self._stems.add(f"{below}/{chosen}".casefold())
        path = f"{below}/{chosen}{ending}"
        put(record.file, self.folder / path)
        return path


def plain_name(record: ReadRecord) -> str:
    """The record's relative name without folders that layouts give a meaning."""
    *folders, last = (joined("", record.name) or "picture").split("/")
    return "/".join([*(each for each in folders if each not in STRUCTURE), last])


def put(source: Path, target: Path) -> None:
    """A second name for the same bytes where the file system allows it, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def labelled(record: ReadRecord) -> ImageLabels | None:
    """The record's labels as this app's."""
    labels = record.labels
    if labels is not None and not isinstance(labels, ImageLabels):
        raise TypeError(f"{record.name} has {type(labels).__name__}; ImageLabels are meant.")
    return labels


def classes_of(about: object) -> DatasetAbout:
    """The dataset's classes as this app's."""
    if not isinstance(about, DatasetAbout):
        raise TypeError(f"This is a {type(about).__name__}; DatasetAbout is meant.")
    return about

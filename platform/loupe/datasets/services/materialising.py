"""A version as a folder that training and evaluation read: `materialise`."""

import json
import os
import shutil
from pathlib import Path

from loupe.blobs import room
from loupe.blobs.models import Blob
from loupe.blobs.services import open_local
from loupe.contract.runtime import bundle
from loupe.datasets import manifest
from loupe.datasets.models import DatasetVersion

SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/bmp": ".bmp",
    "image/webp": ".webp",
    "image/tiff": ".tif",
    "application/pdf": ".pdf",
    "text/csv": ".csv",
}


def materialise(version: DatasetVersion, folder: Path) -> None:
    """Write the bundle of `version` below `folder`, which exists and is empty; see
    `loupe.contract.runtime.bundle`. Bytes are linked where the disk allows it, else copied.

    Raises:
        BlobMissing: storage has lost a record's bytes.
        DiskFull: the files do not fit.
    """
    files = folder / bundle.FILES
    with room.guarded(folder):
        files.mkdir()
        with (folder / bundle.RECORDS).open("w", encoding="utf-8") as records:
            for line in manifest.read(version.manifest):
                name = f"{line.sha256}{SUFFIXES.get(line.media_type, '')}"
                bring(line, files / name)
                said = {
                    "name": line.name,
                    "file": f"{bundle.FILES}/{name}",
                    "group": line.group,
                    "split": line.split,
                    "labels": line.labels,
                }
                records.write(json.dumps(said, ensure_ascii=False) + "\n")
        description = {
            "schema": 1,
            "app": version.dataset.app,
            "name": version.dataset.name,
            "version": version.number,
            "sha256": version.manifest_id,
            "about": version.about,
        }
        # Last: a bundle without its description is none.
        (folder / bundle.DESCRIPTION).write_text(json.dumps(description, ensure_ascii=False))


def bring(line: manifest.Line, target: Path) -> None:
    """Put the bytes of a record at `target`; bytes that are there already stay.

    Raises:
        BlobMissing: storage has lost them.
        DiskFull: they do not fit.
    """
    if target.exists():
        return
    with open_local(Blob(sha256=line.key.rpartition("/")[2], size=line.size)) as path:
        try:
            os.link(path, target)
        except OSError:
            room.require(target.parent, line.size)
            shutil.copyfile(path, target)

"""Write a bundle: stored entries, the media type first, one image in memory at a time."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from apps.report_gen.bundles.manifest import MEDIA_TYPE, NAME, Manifest
from apps.report_gen.deid.files import Cleaned

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""Every entry has this time, so that equal studies have equal bundles."""


class BundleWriter:
    """A bundle on its way. `close` writes the manifest last in time, so entries are told there."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._entry("mimetype", MEDIA_TYPE.encode())
        self.images = 0

    def add(self, image: Cleaned) -> None:
        """One image under its neutral name."""
        self._entry(f"images/{image.name}", image.content)
        self.images += 1

    def close(self, manifest: Manifest) -> None:
        """Tell what it holds, and finish."""
        told = manifest.model_copy(update={"images": self.images})
        self._entry(NAME, told.model_dump_json().encode())
        self._zip.close()

    def _entry(self, name: str, content: bytes) -> None:
        info = zipfile.ZipInfo(name, _EPOCH)
        info.external_attr = 0o600 << 16
        self._zip.writestr(info, content)


def write_bundle(path: Path, images: Iterable[Cleaned], manifest: Manifest) -> int:
    """A whole bundle; how many images it holds."""
    writer = BundleWriter(path)
    for image in images:
        writer.add(image)
    writer.close(manifest)
    return writer.images

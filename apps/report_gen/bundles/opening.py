"""Open a bundle: whether a file is one, and its manifest."""

import zipfile
from pathlib import Path

from pydantic import ValidationError

from apps.report_gen.bundles.manifest import MEDIA_TYPE, MOST_BYTES, NAME, Manifest
from loupe.contract.runtime.errors import InputRefused


def is_bundle(path: Path) -> bool:
    """Whether a file begins as a bundle does."""
    with path.open("rb") as file:
        head = file.read(38 + len(MEDIA_TYPE))
    return head[:4] == b"PK\x03\x04" and head[30:38] == b"mimetype" and (
        head[38:] == MEDIA_TYPE.encode()
    )  # fmt: skip


def manifest_of(path: Path) -> Manifest:
    """The manifest of a bundle.

    Raises:
        InputRefused: there is none, or it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(NAME)
            if entry.file_size > MOST_BYTES:
                raise _damaged(f"its {NAME} has {entry.file_size:,} bytes")
            return Manifest.model_validate_json(archive.read(entry))
    except (zipfile.BadZipFile, KeyError, OSError, ValidationError, EOFError) as cause:
        raise _damaged(type(cause).__name__) from cause


def _damaged(why: str) -> InputRefused:
    return InputRefused(
        f"The bundle of the study is damaged ({why}); send the study again.", code="bundle_damaged"
    )

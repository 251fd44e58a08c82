"""How files are called in what the host hands over, and how a folder is known again. Light: the web
imports it."""

import hashlib
import json
from pathlib import Path
from typing import Final

from loupe.contract.runtime.errors import InputRefused

FOLDER_FILE: Final = "folder.json"
TABLES: Final = "tables/"
VOLUMES: Final = "volumes/"
MOST_LISTED: Final = 500_000


def listing(folder: Path) -> tuple[str, int]:
    """SHA-256 of names, sizes and times of every file below `folder`, and how many there are.

    Raises:
        InputRefused: there are too many.
    """
    digest, count = hashlib.sha256(), 0
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        count += 1
        if count > MOST_LISTED:
            raise InputRefused(
                f"The folder holds more than {MOST_LISTED} files: pack each study into a zip or "
                "a NIfTI file.",
                code="too_many_files",
            )
        state = path.stat()
        told = [str(path.relative_to(folder)), state.st_size, state.st_mtime_ns]
        digest.update(json.dumps(told).encode() + b"\n")
    return digest.hexdigest(), count

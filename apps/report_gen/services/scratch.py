"""A folder for raw files while a child process reads them: private, and gone afterwards.

What lies there is decrypted. A kill leaves it behind; `sweep` removes what is older than any work.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.conf import settings

OLDEST_SECONDS: Final = 600.0


def root() -> Path:
    """Where such folders lie."""
    folder = Path(settings.SCRATCH) / "clinical"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextmanager
def folder() -> Iterator[Path]:
    """A new one, mode 0700."""
    made = Path(tempfile.mkdtemp(dir=root()))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def sweep() -> int:
    """Remove what killed workers left; how many folders."""
    count = 0
    before = time.time() - OLDEST_SECONDS
    for path in root().iterdir():
        if path.stat().st_mtime < before:
            shutil.rmtree(path, ignore_errors=True)
            count += 1
    return count

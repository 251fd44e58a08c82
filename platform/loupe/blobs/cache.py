"""Keeps the local copies of remote blobs below a size."""

from pathlib import Path

from django.conf import settings


def keep_below(folder: Path) -> None:
    """Remove the copies used longest ago until LOUPE_BLOB_CACHE_BYTES hold the rest."""
    copies = []
    for path in folder.rglob("*"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # another process trims the same folder
        if path.is_file():
            copies.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in copies)
    for _, size, path in sorted(copies, key=lambda copy: copy[0]):
        if total <= settings.BLOB_CACHE_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= size

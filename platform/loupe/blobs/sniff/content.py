"""What a file is, by its content alone. Nothing is decoded: a few kilobytes are looked at."""

from io import BufferedReader
from pathlib import Path

from loupe.blobs.sniff import containers, table, texts

_TAIL_BYTES = 65_536


def media_type(path: Path) -> str:
    """The media type of the file at `path`; ``application/octet-stream`` where none fits."""
    with path.open("rb") as file:
        return media_type_of(file, path.stat().st_size)


def media_type_of(file: BufferedReader, size: int) -> str:
    """The media type of an open file of `size` bytes. Moves the file's position."""
    head = file.read(table.HEAD_BYTES)
    known = next((rule.media_type for rule in table.RULES if rule.fits(head)), None)
    if known == table.ZIP and (declared := containers.declared_by(head)):
        return declared
    if known == table.ZIP:
        file.seek(max(0, size - _TAIL_BYTES))
        torch = containers.is_torch_zip(head, file.read(_TAIL_BYTES))
        return table.TORCH if torch else table.ZIP
    if known in {table.GZIP, table.BZIP2, table.XZ}:
        return _inside(head, known)
    if known is not None:
        return known
    if containers.is_old_tar(head):
        return table.TAR
    if head[:1] == b"\x08" and containers.is_onnx(file, size):
        return table.ONNX
    return texts.media_type(head, whole=size <= len(head))


def _inside(head: bytes, compression: str) -> str:
    """A compressed tar counts as a tar, a compressed volume as a volume."""
    inner = containers.first_bytes(head, compression)
    for rule in table.RULES:
        if rule.fits(inner):
            if rule.media_type == table.TAR:
                return table.TAR
            if rule.media_type == table.NIFTI and compression == table.GZIP:
                return table.NIFTI_GZIP
            return compression
    return table.TAR if containers.is_old_tar(inner) else compression

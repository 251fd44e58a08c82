"""Files as senders and attackers make them."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

APP = "defect_detection"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 50
SVG = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"


def zip_bytes(
    entries: Iterable[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return packed.getvalue()


def tar_bytes(entries: Iterable[tuple[str | tarfile.TarInfo, bytes]], mode: str = "w") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for named, data in entries:
            info = named if isinstance(named, tarfile.TarInfo) else tarfile.TarInfo(named)
            if info.type == tarfile.REGTYPE:
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def zip_link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return info, target.encode()


def tar_special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def overlapping_zip(count: int, size: int) -> bytes:
    """`count` directory entries that all point at one packed file of `size` zeros."""
    single = zip_bytes([("a.png", b"\0" * size)])
    end = single.rindex(b"PK\x05\x06")
    start = struct.unpack_from("<L", single, end + 16)[0]
    entry = single[start:end]
    directory = b"".join(
        entry[:46] + f"{n:05d}".encode() + entry[46 + len("a.png") :] for n in range(count)
    )
    local = single[:start]
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, 0)
    return local + directory + tail


def below(folder: Path) -> set[Path]:
    """Every file in a folder."""
    return {path for path in folder.rglob("*") if path.is_file() and path.name != "lock"}

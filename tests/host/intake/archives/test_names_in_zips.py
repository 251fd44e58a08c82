"""Names in zips, in the encodings that tools write."""

import zipfile

import pytest

from loupe.intake.archives.zips import real_name


def info(raw: bytes, flags: int = 0) -> zipfile.ZipInfo:
    """The entry as zipfile hands it over: without the flag it decodes as code page 437."""
    made = zipfile.ZipInfo(raw.decode("utf-8" if flags else "cp437"))
    made.flag_bits = flags
    return made


@pytest.mark.parametrize(
    ("raw", "flags", "name"),
    [
        (b"lot/a.png", 0, "lot/a.png"),
        ("零件/划痕.png".encode(), 0x800, "零件/划痕.png"),
        ("零件/划痕.png".encode(), 0, "零件/划痕.png"),
        ("零件/划痕.png".encode("gbk"), 0, "零件/划痕.png"),
        ("堃镕电路.png".encode("gbk"), 0, "堃镕电路.png"),
        ("Prüfling.png".encode("cp437"), 0, "Prüfling.png"),
        ("café été.png".encode("cp437"), 0, "café été.png"),
    ],
)
def test_a_name_is_read_as_it_was_meant(raw: bytes, flags: int, name: str) -> None:
    assert real_name(info(raw, flags)) == name

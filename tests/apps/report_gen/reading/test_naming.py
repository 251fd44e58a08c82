"""Files keep a name of their own, in the letters it was written in."""

import zipfile
from pathlib import Path

import pytest

from apps.report_gen.reading.naming import apart, belongs_to_nobody
from apps.report_gen.reading.studies import gate
from tests.apps.report_gen.studies import Taken, series, write


def test_paths_of_one_name_are_told_apart_by_as_much_as_it_takes() -> None:
    paths = [Path("/a/x/1.dcm"), Path("/b/x/1.dcm"), Path("/b/2.dcm")]
    assert apart(paths) == ["a/x/1.dcm", "b/x/1.dcm", "2.dcm"]
    assert apart([Path("one/1.dcm")]) == ["1.dcm"]


class _Entry(zipfile.ZipInfo):
    """An entry whose name is written as some program writes it."""

    letters, flag = "utf-8", 0

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode(self.letters), self.flag


@pytest.mark.parametrize(
    ("name", "letters", "flag"),
    [
        ("胸部 平扫/说明.txt", "gb18030", 0),
        ("胸部 平扫/说明.txt", "utf-8", 0),
        ("胸部 平扫/说明.txt", "utf-8", 0x800),
        ("Müller ß/Größe.txt", "cp437", 0),
        ("Müller ß/Größe.txt", "utf-8", 0),
    ],
)
def test_a_name_in_a_zip_is_told_in_the_letters_it_was_written_in(
    tmp_path: Path, name: str, letters: str, flag: int
) -> None:
    entry = _Entry(name)
    entry.letters, entry.flag = letters, flag
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr(entry, b"hello")
    (found,) = gate([tmp_path / "s.zip"])
    assert [each.name for each in found.faults] == [f"s.zip/{name}"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entries_of_one_name_are_all_read(tmp_path: Path) -> None:
    folder = write(series(Taken(count=50)), tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, "IM0001")
    (found,) = gate([tmp_path / "s.zip"])
    assert (found.status, found.shape) == ("usable", (50, 64, 64))
    assert "repeated_file" not in {each.code for each in found.reasons}


@pytest.mark.parametrize(
    "name", ["a/Thumbs.db", "a\\b\\desktop.ini", "__MACOSX/x", "a/.DS_Store", "AUTORUN.INF"]
)
def test_what_file_managers_leave_is_passed_over(name: str) -> None:
    assert belongs_to_nobody(name)
    assert not belongs_to_nobody("a/letter.txt")

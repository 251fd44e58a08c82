"""Hostile and damaged archives: each is refused, or its one bad entry is, with a sentence."""

import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.blobs.models import Blob
from loupe.intake.errors import SubmissionRefused, TooManyFiles
from loupe.intake.models import Channel, Input, Submission
from loupe.intake.services import Source, receive
from tests.host.intake import samples
from tests.host.intake.samples import APP, JPEG, PNG, below, tar_bytes, zip_bytes

Sender = Callable[..., dict[str, Input]]


@pytest.fixture
def send(place: Path, project: Project, operator: Actor) -> Iterator[Sender]:
    """Sends one archive; the inputs by name. Nothing is ever left in the spool."""

    def deliver(data: bytes, name: str = "lot.zip") -> dict[str, Input]:
        path = place / "sent"
        path.write_bytes(data)
        sources = [Source(name=name, path=path)]
        submission = receive(operator, project, APP, Channel.WEB, sources)
        return {row.name: row for row in submission.inputs.all()}

    yield deliver
    assert below(place / "spool") == set()
    assert {path for path in place.iterdir() if path.is_file()} == {place / "sent"}


def refused(send: Sender, data: bytes, code: str, sentence: str) -> None:
    """The whole archive is refused and leaves no rows and no blobs."""
    with pytest.raises(SubmissionRefused, match=sentence) as caught:
        send(data)
    assert caught.value.code == code
    assert not Submission.objects.exists()
    assert not Blob.objects.exists()


def test_a_bomb_entry_is_stopped_and_the_others_go_on(send: Sender) -> None:
    rows = send(zip_bytes([("bomb.png", b"\0" * 50_000_000), ("a.png", PNG)]))
    assert rows["bomb.png"].error_code == "compression_bomb"
    assert "more than 200 times its packed size" in rows["bomb.png"].error
    assert rows["a.png"].error == ""


def test_a_bomb_whose_header_lies_is_stopped_while_reading(send: Sender) -> None:
    data = bytearray(zip_bytes([("bomb.png", b"\0" * 50_000_000), ("a.png", PNG)]))
    start = data.index(b"PK\x01\x02")
    data[start + 24 : start + 28] = (100).to_bytes(4, "little")
    rows = send(bytes(data))
    assert rows["bomb.png"].error_code in {"compression_bomb", "entry_damaged"}
    assert rows["a.png"].error == ""


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_tar_bomb_is_stopped_while_reading(send: Sender, mode: str) -> None:
    data = tar_bytes([("a.png", PNG), ("bomb.png", b"\0" * 80_000_000)], mode)
    rows = send(data, "lot.tar.gz")
    assert rows["a.png"].error == ""
    assert rows["lot.tar.gz"].error_code == "compression_bomb"


def test_entries_that_share_bytes_are_refused(send: Sender) -> None:
    data = samples.overlapping_zip(1000, 1_000_000)
    refused(send, data, "overlapping_entries", "share the same packed bytes")


def test_an_archive_in_an_archive_is_not_opened(send: Sender) -> None:
    inner = zip_bytes([("a.png", PNG)])
    tarred = tar_bytes([("a.png", PNG)], "w:gz")
    rows = send(zip_bytes([("b.png", PNG), ("in.zip", inner), ("in.tgz", tarred)]))
    assert rows["in.zip"].error_code == rows["in.tgz"].error_code == "nested_archive"
    assert "Unpack it and send its files" in rows["in.zip"].error
    assert rows["b.png"].error == ""


@pytest.mark.parametrize("name", ["../../etc/evil.png", "lot/../../evil.png", "..\\evil.png"])
def test_names_that_climb_out_are_refused(send: Sender, name: str) -> None:
    for pack in (zip_bytes, tar_bytes):
        rows = send(pack([(name, PNG), ("a.png", PNG)]))
        [bad] = [row for row in rows.values() if row.error_code]
        assert bad.error_code == "path_traversal"
        assert "climbs out of its folder" in bad.error
        assert rows["a.png"].error == ""


@pytest.mark.parametrize("name", ["/etc/evil.png", "C:\\evil.png", "\\\\host\\evil.png"])
def test_absolute_names_are_refused(send: Sender, name: str) -> None:
    for pack in (zip_bytes, tar_bytes):
        rows = send(pack([(name, PNG), ("a.png", PNG)]))
        [bad] = [row for row in rows.values() if row.error_code]
        assert bad.error_code == "absolute_name"
        assert rows["a.png"].error == ""


def test_symbolic_links_in_a_zip_are_refused(send: Sender) -> None:
    rows = send(zip_bytes([samples.zip_link("link.png", "/etc/passwd"), ("a.png", PNG)]))
    assert rows["link.png"].error_code == "not_a_file"
    assert "a symbolic link" in rows["link.png"].error


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "a link to '/etc/passwd'"),
        (tarfile.LNKTYPE, "a link to '/etc/passwd'"),
        (tarfile.CHRTYPE, "a device or pipe"),
        (tarfile.FIFOTYPE, "a device or pipe"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(send: Sender, kind: bytes, word: str) -> None:
    rows = send(tar_bytes([samples.tar_special("odd.png", kind, "/etc/passwd"), ("a.png", PNG)]))
    assert rows["odd.png"].error_code == "not_a_file"
    assert word in rows["odd.png"].error
    assert rows["a.png"].error == ""


def test_of_two_entries_with_one_name_the_first_is_taken(send: Sender) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zip_bytes([("a.png", PNG), ("./a.png", JPEG), ("a.png", PNG + b"2")])
    rows = send(data)
    assert rows["a.png"].error == ""
    assert {row.error_code for name, row in rows.items() if name != "a.png"} == {"duplicate_name"}
    assert "the first was taken" in rows["a.png (2)"].error


def test_an_encrypted_entry_is_refused(send: Sender) -> None:
    data = bytearray(zip_bytes([("a.png", PNG), ("b.png", JPEG)]))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    rows = send(bytes(data))
    assert rows["a.png"].error_code == "encrypted_entry"
    assert "without a password" in rows["a.png"].error
    assert rows["b.png"].error == ""


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bounds_are_refused(send: Sender, method: int) -> None:
    refused(send, zip_bytes([("a.png", PNG)], method), "compression_unsupported", "Stored|Deflate")


def test_more_files_than_allowed_are_refused_as_a_whole(send: Sender, settings: Settings) -> None:
    settings.MAX_FILES = 10
    many = [(f"{n}.png", PNG) for n in range(11)]
    for data in (zip_bytes(many), tar_bytes(many)):
        with pytest.raises(TooManyFiles, match=r"More than 10 files .* \(LOUPE_MAX_FILES\)"):
            send(data)
    assert not Submission.objects.exists()


def test_a_directory_of_millions_is_refused_before_it_is_read(
    send: Sender, settings: Settings
) -> None:
    settings.MAX_FILES = 100
    with pytest.raises(TooManyFiles):
        send(samples.overlapping_zip(500, 10))


def test_more_bytes_than_allowed_are_refused(send: Sender, settings: Settings) -> None:
    settings.MAX_ARCHIVE_BYTES = 1000
    many = [(f"{n}.png", PNG + bytes([n]) * 100) for n in range(20)]
    for data in (zip_bytes(many), tar_bytes(many)):
        rows = send(data)
        assert rows["lot.zip"].error_code == "archive_too_large"
        assert "LOUPE_MAX_ARCHIVE_BYTES" in rows["lot.zip"].error


def test_a_truncated_zip_is_refused(send: Sender) -> None:
    data = zip_bytes([("a.png", PNG * 100), ("b.png", JPEG)])
    refused(send, data[:-30], "archive_damaged", "damaged or cut short")


def test_a_truncated_tar_gives_what_came_before(send: Sender) -> None:
    data = tar_bytes([("a.png", PNG), ("b.png", PNG + bytes(5000))])
    rows = send(data[:2500], "lot.tar")
    assert rows["a.png"].error == ""
    assert rows["lot.tar"].error_code == "archive_damaged"


def test_an_entry_with_wrong_bytes_is_named(send: Sender) -> None:
    data = bytearray(zip_bytes([("a.png", PNG), ("b.png", JPEG)], zipfile.ZIP_STORED))
    data[data.index(PNG) + 20] ^= 0xFF
    rows = send(bytes(data))
    assert rows["a.png"].error_code == "entry_damaged"
    assert "Bad CRC-32" in rows["a.png"].error
    assert rows["b.png"].error == ""


def test_an_archive_without_files_is_refused(send: Sender) -> None:
    refused(send, zip_bytes([]), "empty_archive", "The archive holds no files")


def test_a_tar_header_that_claims_gigabytes_for_a_name_is_refused(send: Sender) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 8 * 2**30
    refused(
        send,
        info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240),
        "archive_damaged",
        "claims 8,589,934,592 bytes",
    )


def test_sparse_files_are_refused(send: Sender) -> None:
    info = tarfile.TarInfo("holes.png")
    info.type = tarfile.GNUTYPE_SPARSE
    refused(
        send, info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240), "sparse_entry", "without --sparse"
    )
    info = tarfile.TarInfo("holes.png")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    data = tar_bytes([(info, b"3\n" + bytes(600))])
    refused(send, data, "sparse_entry", "without --sparse")


def test_ten_thousand_tiny_files_are_fine(send: Sender) -> None:
    rows = send(zip_bytes((f"{n}.png", PNG + str(n).encode()) for n in range(10_000)))
    assert len(rows) == Blob.objects.count() == 10_000
    assert not any(row.error for row in rows.values())


def test_what_systems_leave_in_folders_is_passed_over(send: Sender) -> None:
    litter = ["__MACOSX/._a.png", ".DS_Store", "lot/Thumbs.db", "lot/._a.png"]
    rows = send(zip_bytes([(name, b"x") for name in litter] + [("lot/a.png", PNG), ("lot/", b"")]))
    assert set(rows) == {"lot/a.png"}

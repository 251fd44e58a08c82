"""Uploads through Django's own request parsing."""

import io
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.multipartparser import MultiPartParser
from django.test import RequestFactory
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from pytest_django import Settings

from loupe.blobs.errors import DiskFull
from loupe.intake.errors import TooManyFiles, UploadTooLarge
from loupe.intake.upload import SpooledFile, SpoolToDisk


def post(body: bytes) -> dict[str, list[SpooledFile]]:
    request = RequestFactory().generic("POST", "/", body, content_type=MULTIPART_CONTENT)
    return dict(request.FILES.lists())  # type: ignore[arg-type]


def multipart(*files: tuple[str, bytes]) -> bytes:
    parts = b""
    for name, data in files:
        head = f'Content-Disposition: form-data; name="files"; filename="{name}"'
        parts += f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + data + b"\r\n"
    return parts + f"--{BOUNDARY}--\r\n".encode()


def spooled(place: Path) -> list[Path]:
    return [path for path in (place / "spool").rglob("*") if path.is_file() and path.name != "lock"]


def test_a_file_is_spooled_hashed_and_private(place: Path) -> None:
    [file] = post(multipart(("a.png", b"pixels" * 100_000)))["files"]
    written = file.written
    assert written.path.read_bytes() == b"pixels" * 100_000
    assert written.size == 600_000
    assert written.path.stat().st_mode & 0o777 == 0o600
    assert written.path.parent.stat().st_mode & 0o777 == 0o700
    assert len(written.sha256) == 64


def test_a_folder_keeps_its_relative_paths(place: Path) -> None:
    files = post(multipart(("lot 7/side/a.png", b"1"), ("lot 7/b.png", b"2")))["files"]
    assert [file.sent_name for file in files] == ["lot 7/side/a.png", "lot 7/b.png"]


def test_a_file_not_stored_goes_with_the_request(place: Path) -> None:
    request = RequestFactory().post("/", {"files": SimpleUploadedFile("a.png", b"x")})
    assert len(request.FILES) == 1
    assert len(spooled(place)) == 1
    request.close()
    assert spooled(place) == []


def test_a_body_that_announces_too_much_is_not_written(place: Path, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 10_000
    [file] = post(multipart(("a.png", b"x" * 20_000)))["files"]
    with pytest.raises(UploadTooLarge, match=r"larger than 10,000 bytes \(LOUPE_MAX_UPLOAD_BYTES"):
        _ = file.written
    assert spooled(place) == []


def test_a_body_that_lies_about_its_length_is_stopped(place: Path, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 10_000
    body = multipart(("a.png", b"x" * 200_000))
    meta = {"CONTENT_TYPE": MULTIPART_CONTENT, "CONTENT_LENGTH": "500"}
    _, files = MultiPartParser(meta, io.BytesIO(body), [SpoolToDisk()]).parse()
    [file] = files.getlist("files")
    with pytest.raises(UploadTooLarge):
        _ = file.written
    assert spooled(place) == []


def test_more_files_than_allowed_are_not_written(place: Path, settings: Settings) -> None:
    settings.MAX_FILES = 3
    files = post(multipart(*[(f"{n}.png", b"x") for n in range(5)]))["files"]
    assert len(spooled(place)) == 3
    with pytest.raises(TooManyFiles, match="More than 3 files"):
        _ = files[3].written


def test_an_upload_that_would_fill_the_disk_is_refused(place: Path, settings: Settings) -> None:
    settings.MIN_FREE_BYTES = 2**60
    [file] = post(multipart(("a.png", b"x")))["files"]
    with pytest.raises(DiskFull, match="LOUPE_MIN_FREE_BYTES"):
        _ = file.temporary_file_path()
    assert spooled(place) == []


def test_other_fields_are_still_read_after_a_refusal(place: Path, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    data = {"files": SimpleUploadedFile("a.png", b"x" * 500), "name": "lot 7"}
    request = RequestFactory().generic(
        "POST", "/", encode_multipart(BOUNDARY, data), content_type=MULTIPART_CONTENT
    )
    assert request.POST["name"] == "lot 7"

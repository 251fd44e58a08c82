"""Bytes are kept once, privately, whole, and before the database says so."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from loupe.blobs import services
from loupe.blobs.errors import BlobMissing, DiskFull
from loupe.blobs.models import Blob
from tests.host.blobs.conftest import stored_files, unfinished_files

pytestmark = pytest.mark.django_db


def test_a_stored_file_is_named_by_its_hash_and_read_back(root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"loupe" * 1000)
    blob = services.store(tmp_path / "a.bin", "image/png")
    assert blob.sha256 == hashlib.sha256(b"loupe" * 1000).hexdigest()
    assert (blob.size, blob.media_type) == (5000, "image/png")
    with services.open_local(Blob.objects.get()) as path:
        assert path.read_bytes() == b"loupe" * 1000
    assert (tmp_path / "a.bin").exists()


def test_the_same_bytes_are_kept_once(root: Path) -> None:
    first = services.store_bytes(b"same", "image/png")
    again = services.store_bytes(b"same", "image/png")
    assert first.pk == again.pk
    assert len(stored_files(root)) == Blob.objects.count() == 1
    assert unfinished_files(root) == []


def test_many_files_are_stored_in_order_with_few_queries(
    root: Path, django_assert_max_num_queries: object
) -> None:
    written = [services.write_bytes(str(n % 90).encode()) for n in range(100)]
    with django_assert_max_num_queries(3):  # type: ignore[operator]
        blobs = services.store_written([(one, "text/plain") for one in written])
    assert [blob.sha256 for blob in blobs] == [one.sha256 for one in written]
    assert len(stored_files(root)) == Blob.objects.count() == 90
    assert unfinished_files(root) == []


def test_files_and_folders_are_private(root: Path) -> None:
    services.store_bytes(b"secret", "image/png")
    [path] = stored_files(root)
    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in (path.parent, root)} == {0o700}


def test_without_room_nothing_is_written(root: Path, settings: Settings) -> None:
    settings.MIN_FREE_BYTES = 2**60
    with pytest.raises(DiskFull, match="LOUPE_MIN_FREE_BYTES") as caught:
        services.store_bytes(b"x", "image/png")
    assert caught.value.code == "disk_full"
    assert stored_files(root) == unfinished_files(root) == []
    assert not Blob.objects.exists()


def test_a_blob_that_storage_lost_says_so(root: Path) -> None:
    blob = services.store_bytes(b"gone", "image/png")
    stored_files(root)[0].unlink()
    with pytest.raises(BlobMissing, match="blobs check"), services.open_local(blob):
        pass


def test_a_cut_short_copy_is_replaced_when_its_bytes_come_again(root: Path) -> None:
    services.store_bytes(b"whole file", "image/png")
    [path] = stored_files(root)
    path.write_bytes(b"who")
    services.store_bytes(b"whole file", "image/png")
    assert path.read_bytes() == b"whole file"


@pytest.mark.django_db(transaction=True)
def test_two_who_store_the_same_at_once_share_one_file(root: Path) -> None:
    data = b"twice" * 200_000

    def store(_: int) -> str:
        try:
            return services.store_bytes(data, "image/png").pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(store, range(16)))
    assert keys == {hashlib.sha256(data).hexdigest()}
    assert Blob.objects.count() == 1
    [path] = stored_files(root)
    assert path.read_bytes() == data
    assert unfinished_files(root) == []

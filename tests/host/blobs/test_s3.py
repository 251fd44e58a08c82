"""The same promises with a bucket, over real HTTP through django-storages."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from loupe.blobs import services, upkeep
from loupe.blobs.backend import backend
from loupe.blobs.cache import keep_below
from loupe.blobs.errors import BlobMissing, StorageUnavailable
from loupe.blobs.models import Blob
from tests.host.blobs import s3_server
from tests.host.intake.samples import below

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[s3_server._Server]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    settings.VAR = tmp_path
    settings.MIN_FREE_BYTES = 0
    with s3_server.bucket() as server:
        url = f"http://127.0.0.1:{server.server_port}"
        settings.STORAGE_URL = f"s3://parts?endpoint_url={url}&region=eu-1&prefix=line3"
        yield server


def forget_copies(tmp_path: Path) -> None:
    for path in below(tmp_path / "blob_cache"):
        path.unlink()


def test_bytes_go_to_the_bucket_and_come_back(bucket: s3_server._Server, tmp_path: Path) -> None:
    blob = services.store_bytes(b"loupe" * 1000, "image/png")
    assert {key: data for key, (data, _) in bucket.objects.items()} == {
        f"line3/{blob.key}": b"loupe" * 1000
    }
    assert backend().exists(blob.key)
    forget_copies(tmp_path)
    for _ in range(2):
        with services.open_local(blob) as path:
            assert path.read_bytes() == b"loupe" * 1000
    assert len(below(tmp_path / "blob_cache")) == 1


def test_the_same_bytes_are_uploaded_once(bucket: s3_server._Server) -> None:
    for _ in range(3):
        services.store_bytes(b"same", "image/png")
    assert (bucket.puts, Blob.objects.count()) == (1, 1)


def test_bytes_uploaded_long_ago_are_uploaded_again_so_that_collection_sees_them(
    bucket: s3_server._Server,
) -> None:
    blob = services.store_bytes(b"old", "image/png")
    key = f"line3/{blob.key}"
    bucket.objects[key] = (b"old", datetime.now(UTC) - timedelta(days=3))
    services.store_bytes(b"old", "image/png")
    assert bucket.objects[key][1] > datetime.now(UTC) - timedelta(minutes=1)


def test_a_lost_object_and_a_silent_bucket_say_so(
    bucket: s3_server._Server, tmp_path: Path
) -> None:
    blob = services.store_bytes(b"gone", "image/png")
    forget_copies(tmp_path)
    bucket.objects.clear()
    with pytest.raises(BlobMissing, match="s3://parts/line3"), services.open_local(blob):
        pass
    bucket.broken = 500
    with pytest.raises(StorageUnavailable, match="Check STORAGE_URL, the credentials"):
        services.store_bytes(b"new", "image/png")
    assert not Blob.objects.exclude(pk=blob.pk).exists()


def test_unused_objects_are_collected(bucket: s3_server._Server) -> None:
    used, unused = services.store_bytes(b"young", "t/p"), services.store_bytes(b"old", "t/p")
    then = timezone.now() - timedelta(days=2)
    Blob.objects.filter(pk=unused.pk).update(last_stored_at=then)
    bucket.objects[f"line3/{unused.key}"] = (b"old", then)
    bucket.objects["line3/00/orphan"] = (b"x", then)
    done = upkeep.collect(timedelta(days=1))
    assert (done.blobs, done.orphans) == (1, 1)
    assert set(bucket.objects) == {f"line3/{used.key}"}


def test_copies_used_longest_ago_make_room(tmp_path: Path, settings: Settings) -> None:
    settings.BLOB_CACHE_BYTES = 250
    for number in range(4):
        path = tmp_path / "cache" / str(number)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 100)
        os.utime(path, (number, number))
    keep_below(tmp_path / "cache")
    assert {path.name for path in below(tmp_path / "cache")} == {"2", "3"}

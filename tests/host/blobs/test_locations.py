"""STORAGE_URL is understood or refused with a sentence."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from loupe.blobs.locations import FolderLocation, S3Location, parse


def test_a_folder_url_is_a_folder() -> None:
    assert parse("file:///srv/loupe%20blobs") == FolderLocation(folder=Path("/srv/loupe blobs"))


def test_a_bucket_url_carries_endpoint_region_and_prefix() -> None:
    url = "s3://parts?endpoint_url=https%3A%2F%2Fminio.plant%3A9000&region=eu-1&prefix=/line3/"
    assert parse(url) == S3Location(
        bucket="parts", endpoint_url="https://minio.plant:9000", region="eu-1", prefix="line3"
    )
    assert parse("s3://parts") == S3Location(bucket="parts")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("/srv/blobs", "starts with '': use file:///absolute/folder or s3://bucket"),
        ("ftp://host/x", "starts with 'ftp'"),
        ("file://srv/blobs", "names the host 'srv': a folder URL has three slashes"),
        ("file:///", "names no folder"),
        ("file:///srv?x=1", "has options; a folder takes none"),
        ("s3://", "names no bucket"),
        ("s3://parts/line3", r"write it as \?prefix=line3"),
        (
            "s3://parts?acl=public",
            "unknown option 'acl'; allowed are: endpoint_url, region, prefix",
        ),
        ("s3://parts?endpoint_url=minio:9000", "must start with http:// or https://"),
        ("s3://parts?region", "what follows the question mark cannot be read"),
        ("s3://key:secret@parts", "holds credentials: take them out"),
    ],
)
def test_a_wrong_url_is_refused_with_what_to_write(url: str, sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence) as caught:
        parse(url)
    assert "secret" not in str(caught.value)

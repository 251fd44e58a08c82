"""Reads STORAGE_URL: where blobs are kept, as a typed value or a sentence about what is wrong."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_S3_OPTIONS = ("endpoint_url", "region", "prefix")
_HOW = (
    "use file:///absolute/folder or s3://bucket?endpoint_url=https://host&region=name&prefix=path"
)


@dataclass(frozen=True, kw_only=True)
class FolderLocation:
    """A folder on this machine or a mounted share."""

    folder: Path


@dataclass(frozen=True, kw_only=True)
class S3Location:
    """A bucket of S3 or anything that speaks its protocol.

    Credentials come from the usual AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, never from the URL.
    """

    bucket: str
    endpoint_url: str = ""
    region: str = ""
    prefix: str = ""


def parse(url: str) -> FolderLocation | S3Location:
    """The location that `url` names.

    Raises:
        ImproperlyConfigured: it names none; the sentence says which part and what is allowed.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _folder(url, parts.netloc, parts.path, parts.query)
    if parts.scheme == "s3":
        if "@" in parts.netloc:
            raise ImproperlyConfigured(
                "STORAGE_URL holds credentials: take them out and set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY instead."
            )
        return _bucket(url, parts.netloc, parts.path, parts.query)
    raise ImproperlyConfigured(f"STORAGE_URL={url!r} starts with {parts.scheme!r}: {_HOW}.")


def _folder(url: str, host: str, path: str, query: str) -> FolderLocation:
    if host not in {"", "localhost"}:
        raise ImproperlyConfigured(
            f"STORAGE_URL={url!r} names the host {host!r}: a folder URL has three slashes, "
            "file:///absolute/folder."
        )
    if query:
        raise ImproperlyConfigured(f"STORAGE_URL={url!r} has options; a folder takes none.")
    folder = Path(unquote(path))
    if not folder.is_absolute() or folder == Path("/"):
        raise ImproperlyConfigured(f"STORAGE_URL={url!r} names no folder: {_HOW}.")
    return FolderLocation(folder=folder)


def _bucket(url: str, bucket: str, path: str, query: str) -> S3Location:
    if not bucket:
        raise ImproperlyConfigured(f"STORAGE_URL={url!r} names no bucket: {_HOW}.")
    if path.strip("/"):
        raise ImproperlyConfigured(
            f"STORAGE_URL={url!r} has a path after the bucket: write it as "
            f"?prefix={path.strip('/')}."
        )
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise ImproperlyConfigured(
            f"STORAGE_URL={url!r}: what follows the question mark cannot be read; {_HOW}."
        ) from None
    unknown = sorted(set(options) - set(_S3_OPTIONS))
    if unknown:
        raise ImproperlyConfigured(
            f"STORAGE_URL has the unknown option {unknown[0]!r}; allowed are: "
            f"{', '.join(_S3_OPTIONS)}."
        )
    endpoint = options.get("endpoint_url", "")
    if endpoint and urlsplit(endpoint).scheme not in {"http", "https"}:
        raise ImproperlyConfigured(
            f"STORAGE_URL: endpoint_url={endpoint!r} must start with http:// or https://."
        )
    return S3Location(
        bucket=bucket,
        endpoint_url=endpoint,
        region=options.get("region", ""),
        prefix=options.get("prefix", "").strip("/"),
    )

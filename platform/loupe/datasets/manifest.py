"""The list of a version's records: JSON lines in a blob, one record a line.

{"name", "sha256", "size", "media_type", "group", "split", "labels", "revision"}
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from loupe.blobs import services as blobs
from loupe.blobs.backend import backend
from loupe.blobs.models import Blob
from loupe.blobs.writing import Writer

MEDIA_TYPE = "application/x-ndjson"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One record of a version."""

    name: str
    sha256: str
    size: int
    media_type: str
    group: str
    split: str
    labels: dict[str, Any]
    revision: int

    @property
    def key(self) -> str:
        """Where storage keeps the record's bytes."""
        return blobs.key_of(self.sha256)


def write(lines: Iterable[Line]) -> Blob:
    """Store the lines, in their order; the same lines give the same blob.

    Raises:
        DiskFull: there is no room.
    """
    with Writer(backend().new_file()) as writer:
        for line in lines:
            text = json.dumps(asdict(line), sort_keys=True, ensure_ascii=False)
            writer.write(text.encode() + b"\n")
        written = writer.finish()
    return blobs.store_written([(written, MEDIA_TYPE)])[0]


def read(blob: Blob) -> Iterator[Line]:
    """Every line of a stored list.

    Raises:
        BlobMissing: storage has lost it.
    """
    with blobs.open_local(blob) as path, path.open(encoding="utf-8") as file:
        for line in file:
            yield Line(**json.loads(line))

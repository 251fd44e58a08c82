"""Gives records their fingerprints, in a sandbox, after they were added."""

import time
import uuid
from pathlib import Path

from django.conf import settings

from loupe.blobs import services as blobs
from loupe.contract.labelling import Labelling
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.datasets.models import Dataset, Record
from loupe.plugins import registry
from loupe.sandbox.pool import SandboxPool

SLICE = 64
_SECONDS = 60.0


def missing() -> list[uuid.UUID]:
    """Datasets of which some records lack a fingerprint that their app could take."""
    apps = [
        app.slug
        for app in registry.installed()
        if app.labelling is not None and app.labelling.fingerprint is not None
    ]
    lacking = Record.objects.filter(fingerprint__isnull=True, dataset__app__in=apps)
    return list(lacking.order_by().values_list("dataset_id", flat=True).distinct())


def take(dataset: Dataset, seconds: float) -> bool:
    """Fingerprint records that have none, for about `seconds`. Returns whether some are left.

    Safe to run twice at once: both write the same.
    """
    labelling = registry.get(dataset.app).labelling
    if labelling is None or labelling.fingerprint is None:
        return False
    until = time.monotonic() + seconds
    lacking = Record.objects.filter(dataset=dataset, fingerprint__isnull=True)
    with SandboxPool(1, settings.SANDBOX_MEMORY_BYTES, _SECONDS) as pool:
        while True:
            rows = list(lacking.select_related("blob").order_by("pk")[:SLICE])
            for row in rows:
                row.fingerprint = _of(row, dataset.app, labelling, pool)
            Record.objects.bulk_update(rows, ["fingerprint"])
            if len(rows) < SLICE:
                return False
            if time.monotonic() > until:
                return True


def one(labelling: Labelling, options: dict[str, JsonValue], path: Path, pool: SandboxPool) -> int:
    """The fingerprint of the file at `path`.

    Raises:
        InputRefused: the file cannot be read.
    """
    value = pool.call(str(labelling.fingerprint), [path, dict(options)])
    if not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise InputRefused("The fingerprint is no 64-bit integer.", code="decode_failed")
    return value


def options_of(app: str, media_type: str) -> dict[str, JsonValue]:
    """What the sandbox is told about a file of that type."""
    options: dict[str, JsonValue] = {}
    for kind in registry.get(app).inputs:
        if media_type in kind.media_types:
            options.update(kind.options)
    return options


def stand_in(record: Record) -> int:
    """A fingerprint that only equal bytes share, for what cannot be read or was not looked at."""
    return of_hash(record.blob_id)


def of_hash(sha256: str) -> int:
    """64 bits of the hash, as a signed integer."""
    return int.from_bytes(bytes.fromhex(sha256[:16]), "big", signed=True)


def _of(row: Record, app: str, labelling: Labelling, pool: SandboxPool) -> int:
    options = options_of(app, row.blob.media_type)
    try:
        with blobs.open_local(row.blob) as path:
            return one(labelling, options, path, pool)
    except InputRefused:
        return stand_in(row)

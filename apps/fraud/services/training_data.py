"""What fraud models learn from in a project: what was scored and labelled here, or a table.

Only hashes of stored bytes and the labels are gathered; the training reads the bytes themselves
(`apps.fraud.training.bundles`), so that no web process or worker does.
"""

import json
from uuid import UUID

from django.utils.translation import gettext as _

from apps.fraud.models import TransactionLabel
from apps.fraud.services import schemes
from apps.fraud.services.labels import VALUES
from apps.fraud.services.mappings import of as mapping_of
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.training import Gathered, GatheredFile
from loupe.host.stored import Stored, blocks, upload, uploads

SLUG = "fraud"
LOG, UPLOAD = "log", "upload-"
LABELS, BLOCKS, TABLES = "labels.jsonl", "blocks", "tables"
MOST_ROWS, MOST_BLOCKS, MOST_LABELS = 5_000_000, 50_000, 1_000_000
OFFERED = 50
"""Uploaded tables in the list, newest first."""


def sources(project_id: UUID) -> list[tuple[str, str]]:
    """See `loupe.contract.training.Sources`."""
    found = [(LOG, _("This project's scored and labelled transactions"))]
    found += [(f"{UPLOAD}{one.number}", _named(one)) for one in uploads(SLUG, project_id, OFFERED)]
    return found


def gather(project_id: UUID, source: str) -> Gathered:
    """See `loupe.contract.training.Gather`.

    Raises:
        InputRefused: there is no such source, or nothing in it is labelled.
    """
    about: dict[str, JsonValue] = {"scheme": schemes.of(project_id).model_dump(mode="json")}
    said, count = labels_of(project_id)
    if source == LOG:
        found = blocks(SLUG, project_id, MOST_ROWS, MOST_BLOCKS)
        if not found or not count:
            raise InputRefused(
                _(
                    "The project has %(blocks)s stored blocks of transactions and %(labels)s "
                    "labels: a model needs both. Score transactions and label them, or choose a "
                    "table with labels."
                )
                % {"blocks": len(found), "labels": count},
                code="nothing_labelled",
            )
        files = [_file(f"{BLOCKS}/{one.number:012d}.parquet", one) for one in found]
        files.append(GatheredFile(name=LABELS, content=said, media_type="application/x-ndjson"))
        rows = sum(one.rows for one in found)
        return Gathered(about=about, files=files, counts={"rows": rows, "labels": count})
    number = source.removeprefix(UPLOAD)
    one = (
        upload(SLUG, project_id, int(number))
        if source.startswith(UPLOAD) and number.isascii() and number.isdigit() and len(number) < 18
        else None
    )
    if one is None:
        raise InputRefused(
            _(
                "source=%(source)r is none of this project's: choose log, or upload- and the "
                "number of an uploaded table."
            )
            % {"source": source[:60]},
            code="unknown_source",
        )
    mapping = mapping_of(project_id, one.facts["mapping"]) if one.facts.get("mapping") else None
    if mapping is not None:
        about["mapping"] = mapping
    if one.facts.get("start"):
        about["start"] = one.facts["start"]
    files = [_file(f"{TABLES}/{one.name.rpartition('/')[2]}", one)]
    if count:
        files.append(GatheredFile(name=LABELS, content=said, media_type="application/x-ndjson"))
    return Gathered(about=about, files=files, counts={"labels": count})


def labels_of(project_id: UUID) -> tuple[bytes, int]:
    """The labels that stand, the newest `MOST_LABELS`: a JSON list of id, 1 or 0, and when it was
    known in milliseconds on each line, by id; and how many."""
    rows = TransactionLabel.objects.filter(
        project=project_id, standing=True, label__in=("fraud", "honest")
    )
    newest = rows.order_by("-pk").values_list("transaction", "label", "known_at")[:MOST_LABELS]
    told = sorted(newest.iterator(chunk_size=10_000))
    lines = (
        json.dumps([name, VALUES[label], int(at.timestamp() * 1000)], ensure_ascii=False)
        for name, label, at in told
    )
    return "".join(f"{line}\n" for line in lines).encode(), len(told)


def _file(name: str, one: Stored) -> GatheredFile:
    return GatheredFile(name=name, stored=one.sha256, media_type=one.media_type)


def _named(one: Stored) -> str:
    return _("Table %(name)s of %(day)s") % {"name": one.name, "day": f"{one.at:%Y-%m-%d %H:%M}"}

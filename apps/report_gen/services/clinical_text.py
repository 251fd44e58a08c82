"""Indication, history, laboratory and prior report of a study: kept encrypted, as they were sent.

What the model reads of them is cleaned of names before it goes into a bundle.
"""

import json
from collections.abc import Mapping
from typing import Final

from django.utils import timezone

from apps.report_gen.bundles.manifest import LONGEST_TEXT
from apps.report_gen.clinical import installed
from apps.report_gen.models import ClinicalObject, Study
from loupe.contract.runtime.errors import InputRefused
from loupe.host.results import new_id

FIELDS: Final = ("indication", "history", "laboratory", "prior_report")
KIND: Final = "text"


def checked(said: Mapping[str, str]) -> dict[str, str]:
    """Those of `FIELDS` that hold something.

    Raises:
        InputRefused: one is too long.
    """
    kept = {}
    for field in FIELDS:
        value = said.get(field, "").replace("\r\n", "\n").strip()
        if len(value) > LONGEST_TEXT:
            raise InputRefused(
                f"{field} has {len(value):,} characters; at most {LONGEST_TEXT:,} are taken. "
                "Shorten it.",
                code="text_too_long",
            )
        if value:
            kept[field] = value
    return kept


def keep(study: Study, said: Mapping[str, str]) -> bool:
    """Keep what was said of a study, in place of what was said before; whether it is anything new.

    Raises:
        InputRefused: a field is too long.
        ClinicalDiskFull: there is no room.
    """
    told = checked(said)
    if told == of(study):
        return False
    store = installed.store()
    sealed = store.put(json.dumps(told).encode())
    old = list(ClinicalObject.objects.filter(study=study, kind=KIND))
    ClinicalObject.objects.create(
        id=new_id(), project=study.project, study=study, kind=KIND, sealed=sealed.name,
        sha256=sealed.sha256, bytes=sealed.bytes, received_at=timezone.now(),
    )  # fmt: skip
    for row in old:
        row.delete()
        store.delete(row.sealed)
    return True


def of(study: Study) -> dict[str, str]:
    """What is kept; empty where nothing was said. Names people: ask `identity.require_look`."""
    row = ClinicalObject.objects.filter(study=study, kind=KIND).order_by("-received_at").first()
    if row is None:
        return {}
    with installed.store().open(row.sealed) as stream:
        found: dict[str, str] = json.loads(stream.read())
    return found

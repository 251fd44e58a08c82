"""Labels and entries of lists as they are sent, checked."""

import re
from typing import Any

import numpy as np

from apps.fraud.live.changes import Entry, Labels
from apps.fraud.live.limits import EARLIEST_MS, LATEST_MS, MAX_PENDING
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload

MOST_LABELS = 50_000
LONGEST = 256
_SURROGATES = re.compile("[\ud800-\udfff]")


def labels(request: Payload) -> tuple[Labels, dict[int, InputRefused]]:
    """``ids``, ``labels`` (1, 0, or −1: not known after all) and ``known_at`` (milliseconds), as
    lists in `meta` or as arrays: those that can be used, and by row why the others cannot.

    Raises:
        InputRefused: they do not fit together, or the only one cannot be used.
    """
    ids, values, known = (_list(request, name) for name in ("ids", "labels", "known_at"))
    if not len(ids) == len(values) == len(known) <= MOST_LABELS:
        raise InputRefused(
            f"There are {len(ids)} ids, {len(values)} labels and {len(known)} known_at; send as "
            f"many of each, at most {MOST_LABELS:,}.",
            code="labels_length",
        )
    taken, refused = Labels([], [], []), {}
    for row, (name, value, at) in enumerate(zip(ids, values, known, strict=True)):
        wrong = _wrong(row, name, value, at)
        if wrong is not None:
            refused[row] = wrong
            continue
        taken.ids.append(_plain(name))
        taken.labels.append(value)
        taken.known_at.append(at)
    if refused and len(ids) == 1:
        raise refused[0]
    return taken, refused


def unheard(row: int) -> InputRefused:
    """Why a label does not wait for its transaction."""
    return InputRefused(
        f"ids[{row}] is of no transaction yet, and {MAX_PENDING} labels wait for theirs already: "
        "trainings know the label, live features do not.",
        code="labels_waiting",
    )


def _wrong(row: int, name: Any, value: Any, at: Any) -> InputRefused | None:
    """Why one label cannot be used."""
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST:
        return InputRefused(f"ids[{row}] is no id of 1 to {LONGEST} characters.", code="label_id")
    if type(value) is not int or value not in (-1, 0, 1):
        return InputRefused(
            f"labels[{row}] is {str(value)[:40]}; send 1 (fraud), 0 (honest) or −1 (not known).",
            code="unknown_label",
        )
    if type(at) is not int or not EARLIEST_MS <= at <= LATEST_MS:
        return InputRefused(
            f"known_at[{row}] is {str(at)[:40]}; send milliseconds between 1970 and 2100.",
            code="time_range",
        )
    return None


def entry(request: Payload) -> Entry:
    """``list``, ``op`` ("add", "remove"), ``entity``, ``key`` and ``expires_at`` (milliseconds,
    −1: never) in `meta`.

    Raises:
        InputRefused: something is missing or of another kind.
    """
    meta = request.meta
    words = {name: meta.get(name) for name in ("list", "op", "entity", "key")}
    for name, value in words.items():
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
            raise InputRefused(
                f"{name} of an entry is {str(value)[:40]!r}; send 1 to {LONGEST} characters.",
                code="list_entry",
            )
    until = meta.get("expires_at", -1)
    if words["op"] not in ("add", "remove") or type(until) is not int or until > LATEST_MS:
        raise InputRefused(
            f"op is {words['op']!r} and expires_at {until!r}; send 'add' or 'remove', and "
            "milliseconds before 2100 or −1.",
            code="list_entry",
        )
    return Entry(
        listed=str(words["list"]), entity=_plain(str(words["entity"])),
        identifier=_plain(str(words["key"])), until=None if words["op"] == "remove" else until,
    )  # fmt: skip


def _list(request: Payload, name: str) -> list[Any]:
    if name in request.arrays:
        array = np.asarray(request.arrays[name])
        values: list[Any] = array.tolist() if array.ndim == 1 else []
        return values
    told = request.meta.get(name, [])
    return list(told) if isinstance(told, list) else []


def _plain(text: str) -> str:
    """Without lone surrogates, as transactions are kept."""
    return _SURROGATES.sub("\ufffd", text)

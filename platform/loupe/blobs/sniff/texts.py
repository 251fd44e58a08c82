"""Formats written as text: markup, JSON, tables; and pickles of the oldest, textual protocol."""

import csv
import json
import pickletools

from loupe.blobs.sniff import table

WIDE = 50
"""Delimiters in one line that is longer than what is seen of a file: it is a header."""
_DELIMITERS = ",;\t|"
_PRINTABLE_CONTROLS = {"\t", "\n", "\r", "\f"}


def media_type(head: bytes, whole: bool) -> str:
    """The type of a text file that starts with `head`; `whole` says that there is no more of it."""
    # Protocol 1 is binary but has no first byte of its own.
    if is_old_pickle(head):
        return table.PICKLE
    text = _decoded(head)
    if text is None:
        return table.UNKNOWN
    bare = text.lstrip("\ufeff \t\r\n")
    start = bare[:2000].lower()
    if "<svg" in start and start.startswith("<"):
        return table.SVG
    if start.startswith(("<!doctype html", "<html", "<head", "<body", "<script")):
        return table.HTML
    if start.startswith("<"):
        return table.HTML if "<html" in start else table.XML
    if start.startswith(("{", "[")):
        return _json_type(bare, whole)
    return table.CSV if _is_table(bare, whole) else table.TEXT


def is_old_pickle(head: bytes) -> bool:
    """Whether `head` starts like a pickle of protocol 0 or 1 that calls something."""
    names: set[str] = set()
    try:
        for opcode, _, _ in pickletools.genops(head):
            names.add(opcode.name)
            if "GLOBAL" in names and names & {"REDUCE", "BUILD", "STOP", "OBJ", "MARK", "PUT"}:
                return True
    except (ValueError, IndexError, UnicodeDecodeError):
        return False
    return "STOP" in names and len(names) > 1 and head.rstrip().endswith(b".")


def _decoded(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
    else:
        try:
            # The last character may be cut in two.
            text = head.decode("utf-8", errors="strict" if len(head) < 4 else "replace")
        except UnicodeDecodeError:
            return None
        if text.rstrip("\ufffd").count("\ufffd") > len(text) // 50:
            try:
                text = head.decode("gb18030", errors="ignore")
            except UnicodeDecodeError:
                return None
    controls = sum(1 for char in text if ord(char) < 32 and char not in _PRINTABLE_CONTROLS)
    return text if text and not controls else None


def _json_type(text: str, whole: bool) -> str:
    first, _, rest = text.partition("\n")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        pass
    else:
        if rest.strip() and first.lstrip().startswith("{"):
            return table.NDJSON
        return table.JSON
    if _are_objects(rest if whole else rest.rpartition("\n")[0]):
        return table.NDJSON
    if not whole:
        return table.JSON
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return table.TEXT
    return table.JSON


def _are_objects(text: str) -> bool:
    """Whether most of these lines are JSON objects, behind a first one that is damaged."""
    lines = [line for line in text.splitlines() if line.strip()][:20]
    return 2 * sum(_is_object(line) for line in lines) > len(lines)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_table(text: str, whole: bool) -> bool:
    """Whether most lines have as many fields as the first; a few may be damaged."""
    lines = text.splitlines()
    complete = [line for line in (lines if whole else lines[:-1]) if line.strip()]
    for delimiter in _DELIMITERS:
        if not complete:
            # The header alone is longer than what is seen.
            if text.count(delimiter) >= WIDE:
                return True
            continue
        try:
            widths = [len(row) for row in csv.reader(complete[:20], delimiter=delimiter)]
        except csv.Error:
            continue
        if widths[0] > 1 and 2 * widths.count(widths[0]) > len(widths):
            return True
    return False

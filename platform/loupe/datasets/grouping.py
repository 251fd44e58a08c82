"""Reads the lot, board or part a record belongs to from its name.

folder        the folder it lies in                    lot7/0012.jpg  → lot7
first:5       the first five characters of its name    00041012.jpg   → 00041
before:_      what comes before the first underscore   lot7_0012.jpg  → lot7
"""

from django.utils.translation import gettext as _

from loupe.datasets.errors import DatasetRefused

LONGEST = 100


def check(rule: str) -> str:
    """`rule` itself, without blanks around it; empty for none.

    Raises:
        DatasetRefused: it is none of those above.
    """
    rule = rule.strip()
    kind, _colon, value = rule.partition(":")
    good = (
        rule in {"", "folder"}
        or (kind == "first" and value.isascii() and value.isdecimal() and 0 < int(value) <= LONGEST)
        or (kind == "before" and 0 < len(value) <= 10)
    )
    if not good:
        raise DatasetRefused(
            _(
                "group_by=%(rule)r says nothing known: use 'folder', 'first:5' (that many "
                "characters of the name) or 'before:_' (what comes before the first such mark)."
            )
            % {"rule": rule[:60]},
            code="group_rule",
        )
    return rule


def group_of(name: str, rule: str) -> str:
    """The group of a record called `name`, by a checked rule; empty where the name has none."""
    folder, _slash, last = name.rpartition("/")
    stem = last.rpartition(".")[0] or last
    kind, _colon, value = rule.partition(":")
    if kind == "folder":
        return folder.rpartition("/")[2][:LONGEST]
    if kind == "first":
        return stem[: int(value)] if len(stem) >= int(value) else ""
    if kind == "before":
        before, mark, _rest = stem.partition(value)
        return before[:LONGEST] if mark else ""
    return ""

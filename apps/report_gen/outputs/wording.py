"""Texts as each format can carry them: no control characters, no halves of characters, cut to fit.

Reports may hold any unicode; DICOM, XML and PDF may not.
"""

import unicodedata
from typing import Final

_DROPPED: Final = frozenset({"Cc", "Cs", "Cn"})
_BIDIRECTIONAL: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the order of what follows; they could make a text read as its opposite."""


def plain(text: str, most: int | None = None) -> str:
    """`text` in one line without characters that no reader can see, `most` characters long."""
    kept = "".join(
        " " if each in "\t\r\n\u2028\u2029" else each
        for each in text
        if each in "\t\r\n"
        or (unicodedata.category(each) not in _DROPPED and each not in _BIDIRECTIONAL)
    )
    kept = " ".join(kept.split(" ")).strip()
    return kept if most is None or len(kept) <= most else kept[: most - 1] + "…"


def dicom_text(text: str, most: int = 64) -> str:
    """For short strings of DICOM: a backslash would part the value in two.

    DICOM counts characters; readers that count bytes are as many, so neither is exceeded.
    """
    return _fitting(plain(text.replace("\\", "/")), most)


def _fitting(text: str, most: int) -> str:
    cut = text.encode()[:most].decode(errors="ignore")
    return cut.strip()


def dicom_name(name: str) -> str:
    """A person's name as DICOM writes it: at most three scripts of five parts, 64 characters each.

    A name without parts becomes a family name.
    """
    groups = [
        _fitting("^".join(dicom_text(part) for part in group.split("^")[:5]), 63).rstrip("^ ")
        for group in name.split("=")[:3]
    ]
    told = "=".join(groups).rstrip("=")
    return told if not told or "^" in told else f"{told}^"


def shown_name(name: str) -> str:
    """A DICOM name as people read it: the first script, family name first, a comma."""
    first = next((group for group in name.split("=") if group.strip("^ ")), "")
    parts = [plain(part) for part in first.split("^")]
    family, given = parts[0], " ".join(part for part in parts[1:] if part)
    return f"{family}, {given}" if family and given else family or given

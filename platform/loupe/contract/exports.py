"""Formats in which results leave Loupe."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

from loupe.contract.results import ResultView
from loupe.contract.text import Text


@dataclass(frozen=True, kw_only=True)
class Export:
    """One format. `write` streams: it sees results one by one and must not keep them all.

    Attributes:
        key: the name in URLs and commands, e.g. ``coco``.
        write: takes the results and an open binary file.
        single: exports one result (a picture), not a list.
    """

    key: str
    label: Text
    media_type: str
    extension: str
    write: Callable[[Iterable[ResultView], BinaryIO], None]
    single: bool = False

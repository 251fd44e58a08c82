"""Formats in which results leave Loupe."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

from loupe.contract.results import ResultView
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.text import Text


@dataclass(frozen=True, kw_only=True)
class Export:
    """One format: either `write`, or `render` with `options` where untrusted bytes must be read.

    Attributes:
        key: the name in URLs and commands, e.g. ``coco``.
        write: takes the results and an open binary file. It streams: it sees results one by one
            and must not keep them all.
        render: ``"package.module:function"`` ``(path, options) -> bytes`` that the host runs on the
            input's file in the sandbox, for pictures of one result.
        options: what `render` is given for a result.
        single: exports one result (a picture), not a list.
    """

    key: str
    label: Text
    media_type: str
    extension: str
    write: Callable[[Iterable[ResultView], BinaryIO], None] | None = None
    render: str | None = None
    options: Callable[[ResultView], dict[str, JsonValue]] | None = None
    single: bool = False

    def __post_init__(self) -> None:
        if (self.write is None) == (self.render is None):
            raise ValueError(f"Export {self.key!r} must have exactly one of 'write' and 'render'.")
        if self.render is not None and (self.options is None or not self.single):
            raise ValueError(f"Export {self.key!r} renders, so it needs 'options' and 'single'.")

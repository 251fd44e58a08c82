"""What an app takes in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loupe.contract.runtime.payload import JsonValue
from loupe.contract.text import Text

SPLIT = "split"
"""The key of an item's options under which cutting an input goes on."""
PROBLEMS = "problems"
"""The key of a table's `meta` under which `Parse` tells of rows, so that `manage.py predict` can:
``counts`` by code, and of the first ones ``listed`` with ``line`` (from 1), ``field``, ``value``,
``code``, ``en`` and ``zh``, and ``warning`` where the row is used all the same."""


class Split(Protocol):
    """Cuts one file into ranges that are worked on one after the other. Runs in the sandbox."""

    def __call__(self, path: Path, options: Mapping[str, JsonValue]) -> list[dict[str, JsonValue]]:
        """The options of one item for each range, in order; at least one.

        Called with what `Parse` is called with. A file that takes long to look through may be cut
        in stretches: the last element is then ``{"split": …}``, and when its turn comes this
        function is called again with that among its options.

        Raises:
            InputRefused: the file cannot be used.
        """


@dataclass(frozen=True, kw_only=True)
class InputKind:
    """One kind of file an app takes. The host sniffs content; names are never trusted.

    Attributes:
        key: stable name, e.g. ``image``.
        media_types: the types, as sniffed from content, that are of this kind.
        max_bytes: largest single file accepted.
        options: passed as they are to the app's parsing step (pixel limits and the like).
        split: names a `Split` that cuts a file into ranges, ``"package.module:function"``; each is
            an item of its own and reaches `Parse` in its options. None: a file is one item.
    """

    key: str
    label: Text
    media_types: tuple[str, ...]
    max_bytes: int
    options: tuple[tuple[str, int | float | str | bool], ...] = ()
    split: str | None = None

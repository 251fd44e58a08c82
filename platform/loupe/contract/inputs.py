"""What an app takes in."""

from dataclasses import dataclass

from loupe.contract.text import Text


@dataclass(frozen=True, kw_only=True)
class InputKind:
    """One kind of file an app takes. The host sniffs content; names are never trusted.

    Attributes:
        key: stable name, e.g. ``image``.
        media_types: the types, as sniffed from content, that are of this kind.
        max_bytes: largest single file accepted.
        options: passed as they are to the app's parsing step (pixel limits and the like).
    """

    key: str
    label: Text
    media_types: tuple[str, ...]
    max_bytes: int
    options: tuple[tuple[str, int | float | str | bool], ...] = ()

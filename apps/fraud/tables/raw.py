"""Columns as they were read, before anybody decided what they mean."""

from dataclasses import dataclass, field

import numpy as np

from apps.fraud.tables.problems import Problems

MOST_ROWS = 10_000
"""Rows of one range: one item of a job, one block of results."""
LONGEST_TEXT = 256
"""Characters of a value that are read; a longer one is marked."""


@dataclass(frozen=True)
class Raw:
    """One column.

    Attributes:
        values: ``<U``, int64, float64, bool or ``datetime64[ms]``, of one dimension.
        missing: bool: nothing stands there; `values` has something of no meaning.
        long: bool: a text that was cut; None: none was.
        zoned: of times: whether they are UTC; else they are local to somewhere.
        nested: bool: a list or an object stands there; None: nowhere.
    """

    values: np.ndarray
    missing: np.ndarray
    long: np.ndarray | None = None
    zoned: bool = False
    nested: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    def taken(self, rows: np.ndarray) -> "Raw":
        """Those rows (a mask or indices)."""
        return Raw(
            self.values[rows],
            self.missing[rows],
            None if self.long is None else self.long[rows],
            self.zoned,
            None if self.nested is None else self.nested[rows],
        )


@dataclass
class Table:
    """Rows as they were read.

    Attributes:
        lines: int64: line of the file of each row for text formats, else its number, from 1.
        problems: of rows that could not even be split into columns; they are not among the rows.
        read: rows that were there, those included.
    """

    columns: dict[str, Raw]
    lines: np.ndarray
    problems: Problems = field(default_factory=Problems)
    read: int = 0

    def __post_init__(self) -> None:
        self.read = self.read or len(self.lines)

    def __len__(self) -> int:
        return len(self.lines)


def matrix(words: np.ndarray) -> np.ndarray:
    """The code points of ``<U`` words as uint32 of shape [rows, width], 0 behind the end."""
    width = words.dtype.itemsize // 4
    return np.ascontiguousarray(words).view(np.uint32).reshape(len(words), width)


def words_of(texts: list[str]) -> tuple[np.ndarray, np.ndarray | None]:
    """Texts as ``<U`` words, cut at `LONGEST_TEXT`, and which were cut.

    NUL becomes U+0001: numpy would drop it at the end of a word, and make two identifiers one.
    """
    long = None
    if any(len(text) > LONGEST_TEXT for text in texts):
        long = np.array([len(text) > LONGEST_TEXT for text in texts], dtype=np.bool_)
        texts = [text[:LONGEST_TEXT] for text in texts]
    if any("\0" in text for text in texts):
        texts = [text.replace("\0", "\1") for text in texts]
    return np.array(texts, dtype=np.str_) if texts else np.empty(0, dtype="<U1"), long


def text_column(texts: list[str | None]) -> Raw:
    """A column of texts; None and the empty text are missing."""
    words, long = words_of([text or "" for text in texts])
    return Raw(words, words == "", long)


def absent(count: int) -> Raw:
    """A column without any value."""
    return Raw(np.full(count, "", dtype="<U1"), np.ones(count, dtype=np.bool_))


def shown_values(raw: Raw) -> np.ndarray:
    """The values for a list of problems: nothing where nothing stands."""
    if raw.nested is not None and raw.nested.any():
        return np.where(raw.nested, "[…]", raw.values.astype(np.str_))
    if raw.values.dtype.kind != "U" and raw.missing.any():
        return np.where(raw.missing, "", raw.values.astype(np.str_))
    return raw.values

"""Universal Binary JSON, draft 12, as far as models of trees use it: https://ubjson.org.

The bytes may come from anyone: every length is checked against what is left before anything is
made, and nesting is bounded. Arrays with a type and a count become arrays of numpy.
"""

from typing import Any, Final

import numpy as np

from core_kernels.errors import ArgumentRefused

#: How deep lists and objects may lie in each other.
DEEPEST: Final = 64

_NUMBERS: Final[dict[bytes, np.dtype[Any]]] = {
    b"i": np.dtype(">i1"),
    b"U": np.dtype(">u1"),
    b"I": np.dtype(">i2"),
    b"l": np.dtype(">i4"),
    b"L": np.dtype(">i8"),
    b"d": np.dtype(">f4"),
    b"D": np.dtype(">f8"),
}
_CONSTANTS: Final = {b"Z": None, b"T": True, b"F": False}


def parse(data: bytes) -> Any:
    """The one value in `data`.

    Raises:
        ArgumentRefused: it is not UBJSON, is cut short, has more behind it or is nested too deep.
    """
    reader = _Reader(data)
    value = reader.value(reader.marker(), 0)
    if reader.at != len(data):
        raise reader.refused("there is more after its end")
    return value


class _Reader:
    """A position in the bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def refused(self, why: str) -> ArgumentRefused:
        return ArgumentRefused(f"This is no UBJSON: at byte {self.at}, {why}.")

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if not 0 <= count <= len(self.data) - self.at:
            raise self.refused(f"{count} bytes are needed and {len(self.data) - self.at} are left")
        self.at += count
        return self.data[self.at - count : self.at]

    def marker(self) -> bytes:
        """The next marker that means something."""
        while (found := self.take(1)) == b"N":
            pass
        return found

    def number(self, marker: bytes) -> int | float:
        """The number behind a marker of one."""
        kind = _NUMBERS[marker]
        told: int | float = np.frombuffer(self.take(kind.itemsize), kind)[0].item()
        return told

    def length(self) -> int:
        """A count: an integer with its marker, not negative."""
        marker = self.marker()
        if marker not in (b"i", b"U", b"I", b"l", b"L"):
            raise self.refused(f"{marker!r} is no marker of a length")
        count = int(self.number(marker))
        if count < 0:
            raise self.refused(f"{count} is no length")
        return count

    def text(self) -> str:
        """A length and so many bytes of UTF-8."""
        raw = self.take(self.length())
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise self.refused("a text is not UTF-8") from None

    def value(self, marker: bytes, depth: int) -> Any:
        """The value that `marker` begins."""
        if marker in _NUMBERS:
            return self.number(marker)
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker in (b"S", b"H"):
            return self.text()
        if marker == b"C":
            return self.take(1).decode("latin-1")
        if marker not in (b"[", b"{"):
            raise self.refused(f"{marker!r} is no marker")
        if depth == DEEPEST:
            raise self.refused(f"it is nested deeper than {DEEPEST}")
        return self.list(depth + 1) if marker == b"[" else self.object(depth + 1)

    def head(self) -> tuple[bytes | None, int | None]:
        """The type and the count of a container, where it tells them."""
        kind, count = None, None
        if self.data[self.at : self.at + 1] == b"$":
            self.at += 1
            kind = self.take(1)
            if self.data[self.at : self.at + 1] != b"#":
                raise self.refused("a type needs a count")
        if self.data[self.at : self.at + 1] == b"#":
            self.at += 1
            count = self.length()
        return kind, count

    def list(self, depth: int) -> Any:
        """A list, or an array of numpy where its type is one of numbers."""
        kind, count = self.head()
        if kind is not None and kind in _NUMBERS and count is not None:
            size = _NUMBERS[kind].itemsize
            if count > (len(self.data) - self.at) // size:
                raise self.refused(f"{count} numbers are more than what is left")
            return np.frombuffer(self.take(count * size), _NUMBERS[kind])
        if kind is not None:
            raise self.refused(f"lists of {kind!r} are not read")
        items: list[Any] = []
        while count is None or len(items) < count:
            marker = self.marker()
            if count is None and marker == b"]":
                break
            items.append(self.value(marker, depth))
        return items

    def object(self, depth: int) -> dict[str, Any]:
        """Names and their values."""
        kind, count = self.head()
        if kind is not None:
            raise self.refused("objects of one type are not read")
        named: dict[str, Any] = {}
        read = 0
        while count is None or read < count:
            while self.data[self.at : self.at + 1] == b"N":
                self.at += 1
            if count is None and self.data[self.at : self.at + 1] == b"}":
                self.at += 1
                break
            name = self.text()
            named[name] = self.value(self.marker(), depth)
            read += 1
        return named

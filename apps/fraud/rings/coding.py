"""Identifiers to codes: exact, code point by code point, so look-alikes stay apart."""

import numpy as np
import pyarrow as pa

COUNTER = 8
"""Fewer decimal digits than this make a running number, not the number of an account."""


class Codes:
    """Codes from 0 in the order in which identifiers were first seen."""

    def __init__(self, names: list[str] | None = None) -> None:
        self.names: list[str] = names or []
        self._codes = {name: code for code, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def encode(
        self, *columns: np.ndarray, counters: tuple[bool, ...] | None = None
    ) -> list[np.ndarray]:
        """int64 codes of columns of identifiers (unicode); −1 of the empty one.

        Codes are given row by row, from the left, so that batches of any size give the same ones. A
        column without `counters` gives running numbers no code: terminal 7 is not customer 7.
        """
        found = [_distinct(column) for column in columns]
        allowed = counters or (True,) * len(columns)
        new: dict[str, int] = {}
        for place, (distinct, places) in enumerate(found):
            rows = _first_rows(places)
            for at, name in enumerate(distinct):
                if name not in self._codes and _coded(name, allowed[place]):
                    seen = rows[at] * len(columns) + place
                    new[name] = min(seen, new.get(name, seen))
        for name in sorted(new, key=new.__getitem__):
            self._codes[name] = len(self.names)
            self.names.append(name)
        return [
            self._told(distinct, places, allowed[place])
            for place, (distinct, places) in enumerate(found)
        ]

    def _told(self, distinct: list[str], places: np.ndarray, counters: bool) -> np.ndarray:
        codes = [self._codes[name] if _coded(name, counters) else -1 for name in distinct]
        return np.asarray(np.array(codes, np.int64)[places])


def packed(names: list[str]) -> dict[str, np.ndarray]:
    """Names as bytes and their lengths: as large as they are, however long one of them is."""
    coded = [name.encode("utf-8", "surrogatepass") for name in names]
    return {
        "bytes": np.frombuffer(b"".join(coded), np.uint8),
        "lengths": np.array([len(name) for name in coded], np.int64),
    }


def unpacked(kept: dict[str, np.ndarray]) -> list[str]:
    """What `packed` was given."""
    data, ends = kept["bytes"].tobytes(), np.cumsum(kept["lengths"]).tolist()
    return (
        [
            data[start:end].decode("utf-8", "surrogatepass")
            for start, end in zip([0, *ends[:-1]], ends, strict=True)
        ]
        if ends
        else []
    )


def _coded(name: str, counters: bool) -> bool:
    return bool(name) and (counters or len(name) >= COUNTER or not name.isdecimal())


def _first_rows(places: np.ndarray) -> list[int]:
    """The row in which each distinct identifier comes first; they are numbered in that order."""
    if not len(places):
        return []
    highest = np.maximum.accumulate(places)
    return [int(row) for row in np.flatnonzero(np.diff(highest, prepend=-1))]


def _distinct(identifiers: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Different identifiers in order of appearance, and which of them each row has."""
    try:
        made = pa.array(identifiers, pa.string()).dictionary_encode()
    except (UnicodeError, pa.ArrowInvalid):  # half of a surrogate pair is no UTF-8
        seen: dict[str, int] = {}
        places = [seen.setdefault(name, len(seen)) for name in identifiers.tolist()]
        return list(seen), np.array(places, np.int64)
    return made.dictionary.to_pylist(), made.indices.to_numpy()

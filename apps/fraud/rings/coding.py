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

    def encode(self, identifiers: np.ndarray, *, counters: bool = True) -> np.ndarray:
        """int64 codes of identifiers (unicode); −1 of the empty one.

        Without `counters`, running numbers have no code either: terminal 7 is not customer 7.
        """
        distinct, places = _distinct(identifiers)
        known = self._codes
        told = np.empty(len(distinct), np.int64)
        for place, name in enumerate(distinct):
            if not name or (not counters and len(name) < COUNTER and name.isdecimal()):
                told[place] = -1
                continue
            code = known.get(name)
            if code is None:
                code = known[name] = len(self.names)
                self.names.append(name)
            told[place] = code
        return np.asarray(told[places])


def _distinct(identifiers: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Different identifiers in order of appearance, and which of them each row has."""
    try:
        made = pa.array(identifiers, pa.string()).dictionary_encode()
    except (UnicodeEncodeError, pa.ArrowInvalid):  # half of a surrogate pair is no UTF-8
        seen: dict[str, int] = {}
        places = [seen.setdefault(name, len(seen)) for name in identifiers.tolist()]
        return list(seen), np.array(places, np.int64)
    return made.dictionary.to_pylist(), made.indices.to_numpy()

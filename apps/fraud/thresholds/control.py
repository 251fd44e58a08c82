"""The control group: a few blocked transactions let through by lot, so that labels stay unbiased.

The lot is a keyed hash of the transaction's id: no state, the same again a year later, and nobody
who chooses ids can choose the lot.
"""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


def lot(identifier: str, key: str) -> float:
    """A number from 0 to 1 (excluded), as good as drawn."""
    secret = blake2b(key.encode(), digest_size=32).digest()
    return _drawn(identifier, secret)


def lots(identifiers: Iterable[str], key: str) -> NDArray[np.float64]:
    """The lot of each identifier."""
    secret = blake2b(key.encode(), digest_size=32).digest()
    return np.array([_drawn(one, secret) for one in identifiers], dtype=np.float64)


def _drawn(identifier: str, secret: bytes) -> float:
    # Half a surrogate pair is no reason to fail: any identifier has its lot.
    found = blake2b(identifier.encode("utf-8", "surrogatepass"), digest_size=8, key=secret)
    return (int.from_bytes(found.digest(), "big") >> 11) / 2**53

"""Keyed hashes of identifiers, and fingerprints built from attributes.

BLAKE2b with the project's secret: without it nobody can tell which card a hash stands for by trying
all cards. The kind of entity is part of the hash, so that a card and a customer of one number do
not meet.
"""

import hashlib
import threading
from collections.abc import Sequence

import numpy as np

from loupe.contract.runtime.errors import InputRefused

_BYTES = 16
"""Of a hash; 32 hexadecimal digits. By chance two of 10^9 identifiers meet once in 10^21."""
_MOST_KEPT = 500_000
"""Hashes that a process remembers."""


class Hasher:
    """Hashes of one project. Thread-safe.

    Raises:
        InputRefused: there is no secret, or it is shorter than 16 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise InputRefused(
                "The project's secret for keyed hashes is missing or shorter than 16 bytes: give "
                "hash_key with the project, or declare no entity as hashed.",
                code="hash_key_missing",
            )
        self._secret = hashlib.blake2b(secret).digest()
        self._kept: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def hashed(self, kind: str, words: np.ndarray) -> np.ndarray:
        """The hash of each ``<U`` word; the empty word stays empty."""
        kept = self._kept
        texts: list[str] = words.tolist()
        missing = {text for text in texts if text and (kind, text) not in kept}
        if missing:
            made = {(kind, text): self._one(kind, text) for text in missing}
            with self._lock:
                if len(kept) + len(made) > _MOST_KEPT:
                    self._kept = kept = {}
                    made |= {(kind, text): self._one(kind, text) for text in texts if text}
                kept.update(made)
        return np.array([kept[kind, text] if text else "" for text in texts], dtype="<U32")

    def fingerprint(self, kind: str, parts: Sequence[np.ndarray]) -> np.ndarray:
        """The hash of several columns together; empty where all of them are empty.

        Each part is preceded by its length, so that ``ab`` + ``c`` is not ``a`` + ``bc``.
        """
        lists = [part.tolist() for part in parts]
        joined = [
            "".join(f"{len(part)}:{part}" for part in row) if any(row) else ""
            for row in zip(*lists, strict=True)
        ]
        return self.hashed(kind, np.array(joined, dtype=np.str_))

    def _one(self, kind: str, text: str) -> str:
        hasher = hashlib.blake2b(digest_size=_BYTES, key=self._secret, person=_person(kind))
        hasher.update(text.encode("utf-8", "surrogatepass"))
        return hasher.hexdigest()


def _person(kind: str) -> bytes:
    """16 bytes that stand for a kind of entity; keys of schemes may be longer."""
    return hashlib.blake2b(kind.encode(), digest_size=16).digest()

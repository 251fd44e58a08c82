"""Remembers checked API keys of this process for a few seconds."""

import hashlib
import threading
import time

from loupe.accounts.models import ApiKey


class KeyCache:
    """Keys by the SHA-256 of their raw text, so that the text itself stays nowhere in memory.

    Safe to use from several threads.
    """

    def __init__(self, *, ttl_s: float, size: int) -> None:
        self._ttl_s = ttl_s
        self._size = size
        self._entries: dict[bytes, tuple[float, ApiKey]] = {}
        self._lock = threading.Lock()

    def get(self, raw: str) -> ApiKey | None:
        """The key, if it was put less than the time to live ago."""
        name = _name(raw)
        with self._lock:
            entry = self._entries.get(name)
            if entry is None:
                return None
            if time.monotonic() - entry[0] > self._ttl_s:
                del self._entries[name]
                return None
            return entry[1]

    def put(self, raw: str, key: ApiKey) -> None:
        """Remember a key that was just checked; the oldest entry makes room."""
        with self._lock:
            if len(self._entries) >= self._size:
                del self._entries[next(iter(self._entries))]
            self._entries[_name(raw)] = (time.monotonic(), key)

    def forget(self, pk: str) -> None:
        """Drop the key with this primary key, if it is here."""
        with self._lock:
            for name in [name for name, (_, key) in self._entries.items() if key.pk == pk]:
                del self._entries[name]

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._entries.clear()


def _name(raw: str) -> bytes:
    return hashlib.sha256(raw.encode()).digest()

"""How storage lists what it keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """One kept object; `size` in bytes, `modified` in seconds since the epoch."""

    key: str
    size: int
    modified: float

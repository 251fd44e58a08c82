"""One file on its way in, whatever brought it."""

from dataclasses import dataclass
from pathlib import Path

from loupe.blobs.writing import Written


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file at `path`, called `name` by the sender: a relative path with ``/`` in a folder.

    `written` is set where Loupe itself wrote the file while hashing it (an upload in the spool).
    Such a file is moved into storage. `held` says that Loupe keeps the file itself, unchanged and
    on the same disk, for as long as the submission takes: it is linked. Any other is copied.
    """

    name: str
    path: Path
    written: Written | None = None
    held: bool = False

    @classmethod
    def spooled(cls, name: str, written: Written) -> "Source":
        """A source that Loupe wrote itself and may move."""
        return cls(name=name, path=written.path, written=written)

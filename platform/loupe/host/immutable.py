"""Tables of apps whose rows are only ever added, held by triggers of the database itself."""

from loupe.audit.immutable import refusing_changes

__all__ = ["refusing_changes"]

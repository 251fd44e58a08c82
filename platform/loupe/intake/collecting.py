"""Turns sources into inputs: opens archives, sniffs, refuses one by one, keeps the rest.

Nothing is in the database yet; files lie in the spool until `loupe.blobs` moves them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from django.conf import settings
from django.utils.translation import gettext as _

from loupe.blobs import spool, writing
from loupe.blobs.sniff import content
from loupe.blobs.writing import Written
from loupe.contract.app import DomainApp
from loupe.intake import kinds, names
from loupe.intake.archives import reading
from loupe.intake.archives.budget import Budget
from loupe.intake.errors import ArchiveRefused, EntryRefused, Refusal
from loupe.intake.sources import Source


@dataclass(frozen=True, kw_only=True)
class Taken:
    """One usable input."""

    name: str
    written: Written
    media_type: str
    kind: str
    note: str


class Collection:
    """The inputs of one submission. A context manager: what was not stored is removed."""

    def __init__(self, app: type[DomainApp]) -> None:
        self.taken: list[Taken] = []
        self.refused: list[Refusal] = []
        self._app = app
        self._used = names.Used()
        self._made: list[Path] = []
        self._budget = Budget.from_settings(max(kind.max_bytes for kind in app.inputs))

    def __enter__(self) -> "Collection":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for path in self._made:
            path.unlink(missing_ok=True)

    def add_all(self, sources: Iterable[Source]) -> None:
        """Look at every source.

        Raises:
            TooManyFiles: there are more files than one submission may have.
            DiskFull: there is no room.
        """
        waiting = list(sources)
        self._made += [source.path for source in waiting if source.written is not None]
        for source in waiting:
            if not names.is_litter(source.name):
                self._add(source, alone=len(waiting) == 1)

    def _add(self, source: Source, alone: bool) -> None:
        try:
            media_type = content.media_type(source.path)
            if media_type in kinds.ARCHIVES and kinds.find(self._app, media_type) is None:
                self._open_archive(source, media_type, "" if alone else f"{source.name}/")
                return
            self._budget.count_file()
            name = names.clean(source.name)
            kinds.require(self._app, media_type, source.path.stat().st_size)
            written = source.written or self._taken_over(source)
            self._take(name, written, media_type)
        except (EntryRefused, ArchiveRefused) as refusal:
            self._refuse(source.name, refusal)
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            self._refuse(
                source.name,
                EntryRefused(
                    _("The file cannot be read: %(why)s.") % {"why": error.strerror},
                    code="unreadable_file",
                ),
            )

    def _taken_over(self, source: Source) -> Written:
        take = writing.link if source.held else writing.copy
        return take(source.path, self._new_file())

    def _open_archive(self, source: Source, media_type: str, prefix: str) -> None:
        before = len(self.taken) + len(self.refused)
        for entry in reading.read(source.path, media_type, self._budget, self._new_file):
            if names.is_litter(entry.name):
                continue
            try:
                if entry.refused is not None or entry.written is None:
                    raise entry.refused or EntryRefused(_("The entry holds nothing."))
                self._take(
                    prefix + names.clean(entry.name),
                    entry.written,
                    content.media_type(entry.written.path),
                )
            except EntryRefused as refusal:
                self._refuse(prefix + entry.name, refusal)
        if len(self.taken) + len(self.refused) == before:
            raise ArchiveRefused(_("The archive holds no files."), code="empty_archive")

    def _take(self, name: str, written: Written, media_type: str) -> None:
        kind = kinds.require(self._app, media_type, written.size)
        self._used.claim(name)
        self.taken.append(
            Taken(
                name=name,
                written=written,
                media_type=media_type,
                kind=kind.key,
                note=kinds.note(media_type, name),
            )
        )

    def _refuse(self, name: str, refusal: EntryRefused | ArchiveRefused) -> None:
        self.refused.append(
            Refusal(name=self._used.distinct(name), code=refusal.code, message=refusal.message)
        )

    def _new_file(self) -> Path:
        path = spool.at(settings.SPOOL).new_file()
        self._made.append(path)
        return path

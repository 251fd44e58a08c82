"""For apps that take files over themselves, in place of being handed stored ones.

An app whose inputs name people keeps them where the host does not look, and submits what it made of
them by `loupe.host.submitting`. The host then stores neither the files nor their names nor what was
said of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class StagedFile:
    """A file on its way in: readable until `Receive` returns, removed afterwards where the host
    wrote it. `name` is relative, with ``/`` between folders, and says nothing of the content.
    `position` counts the files of the delivery from 1."""

    name: str
    path: Path
    bytes: int
    position: int = 0


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What came at once over one channel.

    Attributes:
        channel: ``web``, ``rest``, ``folder``, ``schedule``, ``http`` or ``command``.
        facts: what the sender said, checked against the app's facts.
        name: what the sender calls the delivery; may be empty.
        sent_by: ``user:NAME``, ``key:PREFIX`` or ``system``.
        user_id: of the person who sent it, if one did.
        model: the registered model that the sender asks for; empty: the project's default.
    """

    project_id: UUID
    channel: str
    files: tuple[StagedFile, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    sent_by: str = ""
    user_id: int | None = None
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class NotTaken:
    """One file that is not taken, for its sender alone: a stable code and a sentence.

    `name` is what the sender called it; it is shown on the page that sent it and kept nowhere.
    `position` counts the files of the delivery from 1, as REST answers it; 0: not known.
    """

    name: str
    code: str
    message: str
    position: int = 0


@dataclass(frozen=True, kw_only=True)
class Received:
    """What the app made of a delivery.

    Attributes:
        reference: the app's own word for it, e.g. an id.
        url: the page on which a person follows it.
        api_url: the address under which a program does; empty: there is none.
        taken: files that were taken over.
    """

    reference: str
    url: str
    api_url: str = ""
    taken: int
    not_taken: tuple[NotTaken, ...] = ()


class Receive(Protocol):
    """Takes files over: those of the upload page, of REST submissions, of watched folders, of
    schedules and of HTTP sources."""

    def __call__(self, delivery: Delivery) -> Received:
        """Keep the files; when this returns they are safe. Called in the web's and in workers'
        processes, so it decodes nothing: what the files hold is looked at later, in a process of
        its own.

        Raises:
            InputRefused: not one file can be used; nothing is kept.
            TemporarilyUnavailable: try again later; nothing is kept.
        """


@dataclass(frozen=True, kw_only=True)
class GatheredItem:
    """One item of work for ``manage.py predict``: a file of one of the app's kinds of input.

    Attributes:
        name: what the line of output calls it.
        path: the file; the app removes it when the context of `Gather` ends.
        facts: what is said of it, as of a submission.
    """

    name: str
    path: Path
    facts: Mapping[str, str] = field(default_factory=dict)


class Gather(Protocol):
    """Finds what belongs together among paths of a command line, for ``manage.py predict``."""

    def __call__(
        self, paths: Sequence[Path]
    ) -> "AbstractContextManager[Iterable[GatheredItem | NotTaken]]":
        """The items one after another, made as they are asked for; what cannot be used is said.

        Raises:
            InputRefused: a path is not there.
        """

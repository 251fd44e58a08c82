"""The inputs behind the paths of a command line: files, folders, archives, one after another."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from loupe.contract.app import DomainApp
from loupe.intake.collecting import Collection
from loupe.intake.sources import Source

TOGETHER = 16
"""Files of a folder that are opened together, so that one is decoded while another is inferred."""


def groups(paths: Sequence[str]) -> Iterator[list[Source]]:
    """Each file named, alone; the files below a folder named in groups, by name.

    Hidden files are left out.
    """
    for given in paths:
        path = Path(given)
        if not path.is_dir():
            yield [Source(name=path.name, path=path)]
            continue
        yield from batched(_below(path))


def batched(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """Lists of at most `TOGETHER` sources."""
    waiting = iter(sources)
    while group := list(islice(waiting, TOGETHER)):
        yield group


def _below(folder: Path) -> Iterator[Source]:
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        if file.is_file() and not any(part.startswith(".") for part in inside.parts):
            yield Source(name=inside.as_posix(), path=file)


@contextmanager
def opened(app: type[DomainApp], sources: Sequence[Source]) -> Iterator[Collection]:
    """The usable and the refused inputs of some sources: an archive has many.

    Uses the rules of intake, so that the command line refuses what an upload would refuse.
    """
    with Collection(app) as collection:
        collection.add_all(sources)
        yield collection

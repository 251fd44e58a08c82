"""The inputs behind the paths of a command line: files, folders, archives, one after another."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from loupe.contract.app import DomainApp
from loupe.intake.collecting import Collection
from loupe.intake.sources import Source


def sources(paths: Sequence[str]) -> Iterator[Source]:
    """Every file named, and every file below a folder named, by name; hidden ones are left."""
    for given in paths:
        path = Path(given)
        if not path.is_dir():
            yield Source(name=path.name, path=path)
            continue
        for file in sorted(path.rglob("*")):
            inside = file.relative_to(path)
            if file.is_file() and not any(part.startswith(".") for part in inside.parts):
                yield Source(name=inside.as_posix(), path=file)


@contextmanager
def opened(app: type[DomainApp], source: Source) -> Iterator[Collection]:
    """The usable and the refused inputs of one source: an archive has many.

    Uses the rules of intake, so that the command line refuses what an upload would refuse.
    """
    with Collection(app) as collection:
        collection.add_all([source])
        yield collection

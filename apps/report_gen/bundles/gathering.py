"""Studies among the paths of a command line: folders, zips, DICOM and NIfTI files, several at once.

Bundles made here are called by a key that is forgotten at the end, so that what is printed names
nobody and cannot be traced.
"""

import secrets
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from apps.report_gen.bundles.asking import Bundle, bundles_of
from apps.report_gen.bundles.manifest import Manifest, Problem
from apps.report_gen.bundles.opening import is_bundle
from apps.report_gen.bundles.writing import write_bundle
from apps.report_gen.schema import GateReason, SeriesView
from loupe.contract.receiving import GatheredItem, NotTaken
from loupe.contract.runtime.errors import InputRefused

_SECONDS = 600.0


@contextmanager
def gather(paths: Sequence[Path]) -> "Iterator[Iterable[GatheredItem | NotTaken]]":
    """One item a study (`loupe.contract.receiving.Gather`). Bundles are given as they are.

    Raises:
        InputRefused: a path is not there.
    """
    for path in paths:
        if not path.exists():
            raise InputRefused(
                f"There is nothing at {path}. Give files, folders or zips of CT images.",
                code="no_such_path",
            )
    with tempfile.TemporaryDirectory(prefix="loupe-studies-") as folder:
        yield _items(paths, Path(folder))


def _items(paths: Sequence[Path], folder: Path) -> Iterator[GatheredItem | NotTaken]:
    ready = [path for path in paths if path.is_file() and is_bundle(path)]
    yield from (GatheredItem(name=path.name, path=path) for path in ready)
    # Files named one by one may belong to one study; folders and zips are looked through alone.
    files = [p for p in paths if p.is_file() and p not in ready and p.suffix.lower() != ".zip"]
    groups = [[p] for p in paths if p not in ready and p not in files]
    for number, group in enumerate([*groups, *([files] if files else [])]):
        yield from _of_group(group, folder / f"{number:04d}")


def _of_group(group: list[Path], folder: Path) -> Iterator[GatheredItem | NotTaken]:
    folder.mkdir(mode=0o700)
    name = group[0].name if len(group) == 1 else f"{group[0].name} …"
    try:
        found = bundles_of(group, folder, secrets.token_bytes(32), seconds=_SECONDS)
    except InputRefused as error:
        yield NotTaken(name=name, code=error.code, message=error.message)
        return
    for bundle, called in zip(found.bundles, _called(name, found.bundles), strict=True):
        yield GatheredItem(name=called, path=bundle.path)
        bundle.path.unlink(missing_ok=True)
    if found.bundles:
        yield from (NotTaken(name=each.name, code=each.code, message=each.en)
                    for each in found.left_out)  # fmt: skip
        return
    # No study at all: the refusal is a result like every other one, with its reasons.
    told = tuple(
        GateReason(code=each.code[:60], severity="refusal", en=each.en[:1000], zh=each.zh[:1000])
        for each in {one.code: one for one in found.left_out}.values()
    )
    empty = folder / "nothing.zip"
    problems = tuple(
        Problem(code=each.code, files=found.left_out_count, en=each.en, zh=each.zh)
        for each in told[:1]
    )
    refused = (SeriesView(status="refused", reasons=told, left_out=found.left_out_count),)
    write_bundle(
        empty, (), Manifest(study_uid="", problems=problems, refused=refused if told else ())
    )
    yield GatheredItem(name=name, path=empty)
    empty.unlink(missing_ok=True)


def _called(name: str, bundles: Sequence[Bundle]) -> list[str]:
    """The path given; where it held several studies, the file each of them came in alone, else the
    path and the end of the study's UID."""
    if len(bundles) == 1:
        return [name]
    times = Counter(source for each in bundles for source in each.sources)
    return [
        each.sources[0]
        if len(each.sources) == 1 and times[each.sources[0]] == 1
        else f"{name} · {each.manifest.study_uid[-12:]}"
        for each in bundles
    ]

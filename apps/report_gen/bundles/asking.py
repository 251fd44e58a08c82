"""Ask a child process to make bundles of raw files. Free of Django.

The child has no environment but what Python needs, a limit of memory, a limit of time, and no
access to files but those that it is given.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from apps.report_gen.bundles.manifest import Manifest
from loupe.contract.runtime.errors import InputRefused, TemporarilyUnavailable

SECONDS: Final = 100.0
MOST_ANSWER: Final = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """One study's bundle, and what belongs into the clinical store beside it (`sorting.Made`)."""

    path: Path
    manifest: Manifest
    person: Mapping[str, str] = field(repr=False)
    uids: Mapping[str, str] = field(repr=False)
    sources: tuple[str, ...]
    files: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A file that belongs to no study. `name` may name a person: for the sender alone."""

    name: str = field(repr=False)
    code: str
    en: str = field(repr=False)
    zh: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Sorted:
    """What came of a delivery."""

    bundles: tuple[Bundle, ...]
    left_out: tuple[LeftOut, ...] = ()
    left_out_count: int = 0


def bundles_of(
    paths: Sequence[Path],
    folder: Path,
    key: bytes,
    *,
    language: str = "en",
    clinical: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> Sorted:
    """Make bundles of what lies at `paths` in `folder`.

    Raises:
        InputRefused: the files are too much for one delivery, or crash whoever reads them.
        TemporarilyUnavailable: no process could be started.
    """
    asked = {
        "paths": [str(each.absolute()) for each in paths],
        "folder": str(folder.absolute()),
        "key": key.hex(),
        "language": language,
        "clinical": dict(clinical or {}),
    }
    answer = _asked(json.dumps(asked), seconds)
    if "refused" in answer:
        raise InputRefused(answer["refused"]["message"], code=answer["refused"]["code"])
    return Sorted(
        bundles=tuple(_bundle(folder, each) for each in answer["studies"]),
        left_out=tuple(LeftOut(**each) for each in answer["faults"]),
        left_out_count=int(answer["left_out"]),
    )


def _bundle(folder: Path, told: dict[str, Any]) -> Bundle:
    return Bundle(
        path=folder / Path(told["path"]).name,
        manifest=Manifest.model_validate(told["manifest"]),
        person=told["person"],
        uids=told["uids"],
        sources=tuple(told["sources"]),
        files=int(told["files"]),
        bytes=int(told["bytes"]),
    )


def _asked(question: str, seconds: float) -> dict[str, Any]:
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "apps.report_gen.bundles"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            text=True,
        )
    except OSError as error:
        raise TemporarilyUnavailable(
            f"No process could be started to read the files: {error.strerror}.",
            code="sandbox_unavailable",
        ) from error
    try:
        told, _ = process.communicate(question, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise InputRefused(
            f"The files took more than {seconds:g} s to read and were stopped; they may be damaged "
            "or made to keep a reader busy.",
            code="decode_timeout",
        ) from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
    if process.returncode != 0 or len(told) > MOST_ANSWER:
        raise InputRefused(
            "The files crashed whoever read them and were set aside; they are damaged or hostile.",
            code="decode_crashed",
        )
    made: dict[str, Any] = json.loads(told)
    return made


def _environment() -> dict[str, str]:
    kept = {
        name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ
    }
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(str(Path(each).absolute()) for each in sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }

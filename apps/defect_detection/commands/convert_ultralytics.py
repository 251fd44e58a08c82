"""``manage.py convert-ultralytics FILE --name NAME``: an Ultralytics checkpoint as a candidate.

Needs nothing but the database. Exit status: 0 it is registered, 1 it is not wanted after all,
2 it was refused.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.defect_detection.inference.export import derived_onnx
from apps.defect_detection.inference.runtimes.smoke import run_once
from loupe.contract.runtime.errors import InputRefused, LoupeError, ModelRefused
from loupe.host import commands, models
from loupe.host.people import SYSTEM

SLUG = "defect_detection"
CONVERT = "apps.defect_detection.conversion.convert:convert"
DONE, UNWANTED, REFUSED = 0, 1, 2
WARNING = """\
{file} is a pickle. A pickle is a program, not data: whoever made it may have put anything in it.

Loupe does not run it. A reader of its own takes the weights out, in a separate process that has no
network and no privileges, reads nothing but this file and writes nothing but the new model.

Convert files from people you trust, and only those. What comes out is a candidate: look at its
figures before you promote it.

sha-256 of the file: {sha256}"""
WEAKER = {
    "files": "open other files of this user (the kernel has no Landlock)",
    "network": "see the network (the kernel allows no network namespace)",
    "privileges": "keep privileges",
}


def main(argv: Sequence[str]) -> int:
    """Warn, ask, convert, register."""
    asked = _parser().parse_args(argv)
    try:
        models.check_name(asked.name)
        path = _file(asked.file)
        print(WARNING.format(file=path, sha256=_sha256(path)), file=sys.stderr)
        if not (asked.yes or _agreed()):
            print("Nothing was converted.", file=sys.stderr)
            return UNWANTED
        commands.prepare_for(SLUG)
        version = models.install_made(
            SYSTEM,
            commands.project_named(asked.project),
            SLUG,
            asked.name,
            CONVERT,
            path,
            verify=runs,
        )
    except LoupeError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)
        return REFUSED
    _tell(version, as_json=asked.json)
    return DONE


def runs(folder: Path) -> None:
    """Check that the converted weights fit their architecture and that the network runs.

    Raises:
        ModelRefused: they do not, or its answer is not that of a detector of these classes.
    """
    manifest = json.loads((folder / "manifest.json").read_text())
    shape = run_once(derived_onnx(folder), int(manifest["input"]["size"]))
    classes = len(manifest["classes"])
    right = shape[2] == 6 if manifest["head"] == "end2end" else shape[1] == 4 + classes
    if len(shape) != 3 or not right:
        raise ModelRefused(
            f"The converted network answers with {list(shape)}, which is no detector of {classes} "
            "classes.",
            code="head_unknown",
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py convert-ultralytics")
    parser.add_argument("file", type=Path, help="a checkpoint: best.pt or last.pt of a training")
    parser.add_argument("--name", required=True, help="the model; its next version is made")
    parser.add_argument("--project", help="its slug; not needed where there is only one")
    parser.add_argument("--yes", action="store_true", help="you have read the warning")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    return parser


def _file(path: Path) -> Path:
    if not path.is_file():
        raise InputRefused(f"There is no file {path}.", code="file_missing")
    return path.resolve()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _agreed() -> bool:
    """Ask the person at the terminal; where there is none, nobody agreed."""
    if not sys.stdin.isatty():
        print("Add --yes to convert it without being asked.", file=sys.stderr)
        return False
    print("Convert it? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _tell(version: models.ModelVersion, *, as_json: bool) -> None:
    manifest: dict[str, Any] = version.manifest
    lacking = [WEAKER[key] for key, held in manifest["converted"]["confined"].items() if not held]
    if lacking:
        print(f"On this machine that process could still {'; '.join(lacking)}.", file=sys.stderr)
    said = {
        "model": version.model.name,
        "version": version.number,
        "stage": version.stage,
        "architecture": manifest["architecture"],
        "classes": manifest["classes"],
        "size": manifest["input"]["size"],
        "sha256": version.artefact_sha256,
        "confined": manifest["converted"]["confined"],
    }
    if as_json:
        print(json.dumps(said, ensure_ascii=False))
        return
    print(
        f"{said['model']} version {said['version']} is a {said['stage']}: {said['architecture']}, "
        f"{len(manifest['classes'])} classes ({', '.join(manifest['classes'][:8])}), "
        f"{said['size']} pixels."
    )

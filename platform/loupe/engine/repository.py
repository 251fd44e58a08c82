"""The model repository: a folder of verified artefacts, ``<app>/<owner>/<name>/<version>/``.

An artefact is a ``manifest.json`` and the files it lists with their sha-256::

    {"schema": 1, "app": …, "runner": "module:Class", "files": {name: sha256}, "format": …,
     "task": …, "classes": […], "input": {…}, "licence": …, "created": …}

The artefact's own hash is the sha-256 of the manifest in canonical JSON.
"""

import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loupe.contract.runtime.errors import ModelRefused

MANIFEST = "manifest.json"
SCHEMA = 1
UNFINISHED_SECONDS = 3600.0
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


def split_name(wire_name: str) -> tuple[str, str, str]:
    """``<app>.<owner>.<name>`` in its parts.

    Raises:
        ModelRefused: the name does not have that form.
    """
    parts = wire_name.split(".", 2)
    if len(parts) != 3 or not (
        _PART.fullmatch(parts[0]) and _PART.fullmatch(parts[1]) and _NAME.fullmatch(parts[2])
    ):
        raise ModelRefused(
            f"{wire_name!r} names no model; write it as <app>.<owner>.<name> with letters, digits, "
            "'-' and '_' (and '.' in the name).",
            code="model_name",
        )
    return parts[0], parts[1], parts[2]


def artefact_folder(root: Path, wire_name: str, version: int) -> Path:
    """Where version `version` of `wire_name` lives below `root`, whether it exists or not.

    Raises:
        ModelRefused: the name has the wrong form or the version is not positive.
    """
    app, owner, name = split_name(wire_name)
    if version < 1:
        raise ModelRefused(
            f"version={version} is not positive; versions start at 1.", code="model_name"
        )
    return root / app / owner / name / str(version)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The parsed manifest of an artefact.

    Raises:
        ModelRefused: it is missing (``model_unknown``), not JSON, or lacks a field.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelRefused(
            f"There is no model in {folder}; register it or load another version.",
            code="model_unknown",
        ) from error
    except (OSError, ValueError) as error:
        raise ModelRefused(f"{path} cannot be read: {error}.", code="manifest_invalid") from error
    check_manifest(manifest, str(path))
    return dict(manifest)


def check_manifest(manifest: Any, where: str) -> None:
    """Check the fields the host relies on; the rest is the app's.

    Raises:
        ModelRefused: with the field's name (``manifest_invalid``).
    """

    def refuse(sentence: str) -> ModelRefused:
        return ModelRefused(f"{where}: {sentence}", code="manifest_invalid")

    if not isinstance(manifest, dict):
        raise refuse("a manifest is a JSON object.")
    if manifest.get("schema") != SCHEMA:
        raise refuse(f"'schema' is {manifest.get('schema')!r}; this Loupe reads {SCHEMA}.")
    for field in ("app", "runner"):
        if not isinstance(manifest.get(field), str) or not manifest[field]:
            raise refuse(f"'{field}' must be a text.")
    files = manifest.get("files")
    if not isinstance(files, dict) or not files:
        raise refuse("'files' must name at least one file with its sha-256.")
    for name, digest in files.items():
        if not _FILE.fullmatch(name) or name == MANIFEST:
            raise refuse(f"the file name {name!r} is not allowed.")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise refuse(f"{name!r} must come with 64 lower-case hexadecimal digits.")


def artefact_sha256(manifest: Mapping[str, Any]) -> str:
    """The artefact's hash: sha-256 of the manifest in canonical JSON."""
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """The sha-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def verify(folder: Path) -> dict[str, Any]:
    """Read the manifest and check every file it lists against its sha-256.

    Raises:
        ModelRefused: a file is missing, is a link, or differs (``model_hash``).
    """
    manifest = read_manifest(folder)
    for name, expected in manifest["files"].items():
        path = folder / name
        if path.is_symlink() or not path.is_file():
            raise ModelRefused(
                f"{path} is missing or not a plain file; register the model again.",
                code="model_hash",
            )
        found = file_sha256(path)
        if found != expected:
            raise ModelRefused(
                f"{path} has the sha-256 {found}, but its manifest says {expected}; the file was "
                "changed or damaged: register the model again.",
                code="model_hash",
            )
    return manifest


def size_of(folder: Path, manifest: Mapping[str, Any]) -> int:
    """Bytes of all files of an artefact."""
    return sum((folder / name).stat().st_size for name in manifest["files"])


def install(folder: Path, root: Path, wire_name: str, version: int) -> Path:
    """Copy a verified artefact into the repository and return its place there.

    Safe to repeat: the same artefact again changes nothing.

    Raises:
        ModelRefused: it does not verify, belongs to another app, or the version holds another
            artefact (``version_taken``).
        OSError: the disk is full or not writable; nothing is left behind.
    """
    target = artefact_folder(root, wire_name, version)
    manifest = verify(folder)
    app = split_name(wire_name)[0]
    if manifest["app"] != app:
        raise ModelRefused(
            f"The artefact is for the app {manifest['app']!r}, not for {app!r}.", code="model_app"
        )
    if target.exists():
        return _same_or_refuse(target, manifest, wire_name, version)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / f".{version}-{uuid.uuid4().hex}"
    try:
        partial.mkdir()
        for name in (*manifest["files"], MANIFEST):
            shutil.copyfile(folder / name, partial / name)
            sync(partial / name)
        sync(partial)
        partial.rename(target)
        sync(target.parent)
    except OSError:
        if target.exists():
            return _same_or_refuse(target, manifest, wire_name, version)
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def installed(root: Path) -> Iterator[tuple[str, int, Path]]:
    """Every artefact in the repository as wire name, version and folder."""
    for path in sorted(root.glob(f"*/*/*/*/{MANIFEST}")):
        folder = path.parent
        if folder.name.isdecimal():
            app, owner, name = folder.parts[-4:-1]
            yield f"{app}.{owner}.{name}", int(folder.name), folder


def versions_of(root: Path, wire_name: str) -> Iterator[tuple[int, Path]]:
    """The artefacts of one model as version and folder, by version."""
    for path in root.joinpath(*split_name(wire_name)).glob(f"*/{MANIFEST}"):
        if path.parent.name.isdecimal():
            yield int(path.parent.name), path.parent


def sweep_unfinished(root: Path) -> int:
    """Remove copies that a kill cut off, an hour after their last byte; returns how many."""
    born_before = time.time() - UNFINISHED_SECONDS
    removed = 0
    for partial in root.glob("*/*/*/.*-*"):
        try:
            newest = max(path.stat().st_mtime for path in (partial, *partial.iterdir()))
        except FileNotFoundError:
            continue  # it was finished or removed at this moment
        if newest < born_before:
            shutil.rmtree(partial, ignore_errors=True)
            removed += 1
    return removed


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's entries, on the disk before going on."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _same_or_refuse(
    target: Path, manifest: Mapping[str, Any], wire_name: str, version: int
) -> Path:
    if artefact_sha256(read_manifest(target)) != artefact_sha256(manifest):
        raise ModelRefused(
            f"{wire_name} version {version} already holds another artefact; use the next version.",
            code="version_taken",
        )
    return target

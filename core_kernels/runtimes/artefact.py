"""A prepared artefact: a folder with a network, its manifest, and a probe that proves it elsewhere.

manifest.json        files with sha-256, ports, versions, parity, timings, the choice
model.onnx           where the module could be exported and agreed with itself
model.int8.onnx      where somebody calibrated one
model.safetensors    where the manifest names a known architecture to fill
probe.safetensors    one input, ``in.<name>``, and what the eager fp32 oracle gave, ``out.<name>``
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from core_kernels.errors import ArgumentRefused, ArtefactRefused
from core_kernels.runtimes.ports import Port

MANIFEST, PROBE = "manifest.json", "probe.safetensors"
FORMATS = {
    "onnx": "model.onnx",
    "onnx-int8": "model.int8.onnx",
    "safetensors": "model.safetensors",
}
SCHEMA = 1
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """A folder whose files are those that its manifest lists."""

    folder: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "Artefact":
        """Read the manifest and check every file against its sha-256.

        Raises:
            ArtefactRefused: something is missing, changed or damaged.
        """
        place = folder / MANIFEST
        try:
            manifest = json.loads(place.read_bytes())
        except (OSError, ValueError) as error:
            raise ArtefactRefused(f"{place} cannot be read: {error}.") from error
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            raise ArtefactRefused(f"{place} is not a manifest of schema {SCHEMA}; prepare it anew.")
        files = manifest.get("files")
        if not isinstance(files, dict) or not files:
            raise ArtefactRefused(f"{place} lists no files with their sha-256; prepare it anew.")
        for name, expected in files.items():
            _check_file(folder, str(name), expected)
        return cls(folder=folder, manifest=manifest)

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What the network takes."""
        return self._ports("inputs")

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What the network gives."""
        return self._ports("outputs")

    @property
    def batched(self) -> bool:
        """Whether the first dimension of every input counts requests."""
        return all(port.shape[:1] == (None,) for port in self.inputs)

    @property
    def formats(self) -> frozenset[str]:
        """The keys of `FORMATS` whose files this artefact has."""
        listed = self.manifest["files"]
        return frozenset(key for key, name in FORMATS.items() if name in listed)

    def file(self, key: str) -> Path:
        """Where the file of one of its `formats` lies.

        Raises:
            ArtefactRefused: it has none.
        """
        if key not in self.formats:
            raise ArtefactRefused(
                f"{self.folder.name} has no {key} file; it has "
                f"{', '.join(sorted(self.formats)) or 'none'}."
            )
        return self.folder / FORMATS[key]

    def probe(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Inputs and the oracle's outputs, by name.

        Raises:
            ArtefactRefused: the artefact has no probe.
        """
        if PROBE not in self.manifest["files"]:
            raise ArtefactRefused(
                f"{self.folder.name} has no {PROBE}, so nothing proves it right on this machine."
            )
        held = load_file(self.folder / PROBE)
        return (
            {key.removeprefix("in."): held[key] for key in held if key.startswith("in.")},
            {key.removeprefix("out."): held[key] for key in held if key.startswith("out.")},
        )

    def _ports(self, side: str) -> tuple[Port, ...]:
        try:
            return tuple(Port.from_json(said) for said in self.manifest[side])
        except (KeyError, TypeError, ArgumentRefused) as error:
            raise ArtefactRefused(
                f"{self.folder.name}: its {side} are unreadable: {error}"
            ) from error


def file_sha256(path: Path) -> str:
    """The sha-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def write_manifest(folder: Path, facts: Mapping[str, Any]) -> Artefact:
    """Hash every file of `folder`, write the manifest with `facts` beside them, and open it."""
    files = sorted(path.name for path in folder.iterdir() if path.name != MANIFEST)
    manifest = {
        "schema": SCHEMA,
        **facts,
        "files": {name: file_sha256(folder / name) for name in files},
    }
    part = folder / f".{MANIFEST}.part"
    part.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(folder / MANIFEST)
    return Artefact(folder=folder, manifest=manifest)


def _check_file(folder: Path, name: str, expected: Any) -> None:
    path = folder / name
    if not _FILE.fullmatch(name) or name == MANIFEST:
        raise ArtefactRefused(f"{folder / MANIFEST} lists {name!r}, which is no allowed file name.")
    if path.is_symlink() or not path.is_file():
        raise ArtefactRefused(f"{path} is missing or not a plain file; copy the artefact again.")
    found = file_sha256(path)
    if found != expected:
        raise ArtefactRefused(
            f"{path} has the sha-256 {found}, but its manifest says {expected}; it was changed or "
            "damaged: copy the artefact again."
        )

"""A folder whose names, links and sizes are not to be trusted."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from loupe.contract.runtime.errors import InputRefused

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
MOST_FILES = 1_000_000
LARGEST_TEXT = 512 * 2**20
LITTER = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".git"})


@dataclass(frozen=True)
class Tree:
    """The regular files below `root`. Links are never followed, so nothing outside is read."""

    root: Path

    @cached_property
    def files(self) -> dict[str, int]:
        """Every file's path inside the folder, with ``/``, and its size in bytes; sorted."""
        return dict(sorted(self._walk()))

    @cached_property
    def links(self) -> tuple[str, ...]:
        """What is a link, a device or a pipe, and so is not read."""
        self.files  # noqa: B018 - finds them
        return tuple(sorted(self._odd))

    @cached_property
    def _odd(self) -> list[str]:
        return []

    @cached_property
    def by_name(self) -> dict[str, tuple[str, ...]]:
        """The files that share a last part of their path."""
        found: dict[str, list[str]] = {}
        for name in self.files:
            found.setdefault(name.rpartition("/")[2], []).append(name)
        return {name: tuple(paths) for name, paths in found.items()}

    @property
    def pictures(self) -> list[str]:
        """The files that are named like pictures."""
        return [name for name in self.files if suffix(name) in PICTURES]

    def below(self, folder: str) -> list[str]:
        """The pictures in `folder` and deeper; ``""`` is the whole tree."""
        start = f"{folder}/" if folder else ""
        return [name for name in self.pictures if name.startswith(start)]

    def is_folder(self, folder: str) -> bool:
        """Whether any file lies below it."""
        return not folder or any(name.startswith(f"{folder}/") for name in self.files)

    def path(self, name: str) -> Path:
        """Where a file of `files` is."""
        return self.root / name

    def text(self, name: str) -> str:
        """A text file's content; a byte-order mark is dropped.

        Raises:
            InputRefused: it is too large or not UTF-8.
        """
        if self.files[name] > LARGEST_TEXT:
            raise InputRefused(
                f"{name} has {self.files[name]:,} bytes; at most {LARGEST_TEXT:,} are read.",
                code="file_too_large",
            )
        try:
            return self.path(name).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputRefused(
                f"{name} is not UTF-8 text: byte {error.start} cannot be read. Save it as UTF-8.",
                code="not_text",
            ) from error

    def _walk(self) -> Iterator[tuple[str, int]]:
        count, waiting = 0, [""]
        while waiting:
            folder = waiting.pop()
            with os.scandir(self.root / folder) as entries:
                for entry in entries:
                    name = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.name in LITTER or entry.name.startswith("._"):
                        continue
                    mode = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(mode.st_mode):
                        waiting.append(name)
                    elif stat.S_ISREG(mode.st_mode) and entry.name.isprintable():
                        yield name, mode.st_size
                    else:
                        self._odd.append(name.encode(errors="replace").decode())
                    count += 1
                    if count > MOST_FILES:
                        raise InputRefused(
                            f"The folder holds more than {MOST_FILES:,} files; at most that many "
                            "are read. Import it in parts.",
                            code="too_many_files",
                        )


def suffix(name: str) -> str:
    """The ending of a name in lower case, with its dot."""
    return PurePosixPath(name).suffix.lower()


def stem(name: str) -> str:
    """A name without its ending, folders included."""
    return str(PurePosixPath(name).with_suffix("")) if suffix(name) else name


def joined(folder: str, said: str) -> str | None:
    """The path `said` relative to `folder`, both inside the tree; None where it leaves the tree,
    is absolute or empty. ``""`` is the tree itself."""
    slashed = said.strip().replace("\\", "/")
    if not slashed or slashed.startswith("/") or slashed[1:2] == ":" or "\0" in slashed:
        return None
    parts: list[str] = folder.split("/") if folder else []
    for part in slashed.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def parent(name: str) -> str:
    """The folder a name lies in; ``""`` at the top."""
    return name.rpartition("/")[0]

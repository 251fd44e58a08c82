"""The tracked tree, as the architecture tests see it."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def tracked() -> tuple[Path, ...]:
    """Every file under version control that exists, relative to the root."""
    answer = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [Path(name) for name in answer.stdout.split("\0") if name]
    return tuple(path for path in paths if (ROOT / path).is_file())


def python_files(*under: str) -> tuple[Path, ...]:
    """Tracked Python files below any of the folders; all of them without one."""
    return tuple(
        path for path in tracked() if path.suffix == ".py" and (not under or path.parts[0] in under)
    )


def text_of(path: Path) -> str:
    """A tracked file's text; bytes that are no text are replaced."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")

"""Small inputs of the dummy app, and what is left of files that were sent."""

import json
from pathlib import Path

from django.conf import settings

from loupe.intake.sources import Source


def reading(folder: Path, name: str, value: float) -> Source:
    """A file with one number."""
    path = folder / name
    path.write_text(json.dumps({"value": value}))
    return Source(name=name, path=path)


def left() -> list[Path]:
    """Files that lie in the spool."""
    found = Path(settings.SPOOL).rglob("*")
    return [path for path in found if path.is_file() and path.name != "lock"]

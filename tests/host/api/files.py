"""Small inputs of the dummy app."""

import json
from pathlib import Path

from loupe.intake.sources import Source


def reading(folder: Path, name: str, value: float) -> Source:
    """A file with one number."""
    path = folder / name
    path.write_text(json.dumps({"value": value}))
    return Source(name=name, path=path)

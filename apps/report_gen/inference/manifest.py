"""The registry's manifest beside a trained model: ``python -m apps.report_gen.inference.manifest``.

python -m apps.report_gen.inference.manifest apps/report_gen/models_shipped/chest --name chest
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from apps.report_gen.inference.stored import RECORD, fetch

RUNNER: Final = "apps.report_gen.inference.runner:DraftRunner"
MANIFEST: Final = "manifest.json"
DESCRIPTION: Final = (
    "Findings and drafts for CT of the chest, trained on synthetic phantoms. Research use; not for "
    "diagnosis."
)


def manifest_of(folder: Path, name: str, description: str = DESCRIPTION) -> dict[str, Any]:
    """The manifest of a model that `inference.stored.store` wrote.

    Raises:
        ModelRefused: the model is missing or damaged.
    """
    model = fetch(folder)
    record = json.loads((folder / RECORD).read_text())
    others = sorted(
        path.name
        for path in folder.iterdir()
        if path.suffix in {".md", ".json"} and path.name not in {MANIFEST, RECORD}
    )
    files = {
        each: hashlib.sha256((folder / each).read_bytes()).hexdigest()
        for each in [RECORD, *record["shards"], *others]
    }
    return {
        "schema": 1,
        "app": "report_gen",
        "name": name,
        "description": description,
        "runner": RUNNER,
        "files": files,
        "format": "safetensors",
        "task": "report",
        "grid": list(model.shape.grid),
        "spacing": list(model.shape.spacing),
        "licence": "AGPL-3.0-or-later",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write_manifest(folder: Path, name: str, description: str = DESCRIPTION) -> Path:
    """Write it beside the model.

    Raises:
        ModelRefused: as `manifest_of`.
    """
    path = folder / MANIFEST
    told = manifest_of(folder, name, description)
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return path


def main(arguments: Sequence[str]) -> int:
    """Write the manifest of the folder given."""
    parser = argparse.ArgumentParser(prog="python -m apps.report_gen.inference.manifest")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", default="chest")
    parser.add_argument("--description", default=DESCRIPTION)
    given = parser.parse_args(arguments)
    sys.stdout.write(f"{write_manifest(given.folder, given.name, given.description)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A model that ``train report_gen`` stored, on its way into the registry. Free of Django."""

import json
import shutil
from pathlib import Path
from typing import Any

from apps.report_gen.inference.manifest import MANIFEST, manifest_of


def copied(folder: Path, trained: Path, name: str) -> dict[str, Any]:
    """Copy the model in the folder `trained` into `folder`, and return its manifest.

    Args:
        name: of the model; the manifest carries it.

    Raises:
        ModelRefused: a file of the model is missing or damaged, or it is no report model.
    """
    for path in sorted(trained.iterdir()):
        if path.is_file() and path.name != MANIFEST:
            shutil.copyfile(path, folder / path.name)
    own = trained / MANIFEST
    if not own.is_file():
        return manifest_of(folder, name)
    return manifest_of(folder, name, str(json.loads(own.read_bytes())["description"]))

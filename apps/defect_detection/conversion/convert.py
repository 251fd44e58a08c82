"""The conversion itself. Runs in a sandboxed child of its own, which is thrown away afterwards."""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from apps.defect_detection.artefact import RUNNER
from apps.defect_detection.conversion.archive import Archive, damaged
from apps.defect_detection.conversion.checkpoint import described
from loupe.contract.runtime.confinement import confine

WEIGHTS = "model.safetensors"


def convert(folder: Path, upload: Path, name: str) -> dict[str, Any]:
    """Read the checkpoint `upload` (called `name`), write its weights to `folder`.

    Returns the manifest. The first thing it does is to confine its process for good.

    Raises:
        ModelRefused: with a sentence that says what is wrong and what to do.
    """
    held = confine(read=[upload], write=[folder])
    with Archive(upload, name) as archive:
        found = described(archive.load(), name)
        arrays = {}
        for path, tensor in found.tensors.items():
            values = archive.read(tensor)
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise damaged(name, f"the weights {path[:60]!r} hold values that are no numbers")
            arrays[path] = values.astype(np.float16) if values.dtype == np.float32 else values
            if values.dtype == np.float32 and not np.isfinite(arrays[path]).all():
                arrays[path] = values  # too large for half precision
    save_file(arrays, folder / WEIGHTS)
    return {
        "runner": RUNNER,
        "format": "safetensors",
        "runtime": "openvino",
        "task": "detect",
        "architecture": found.architecture,
        "head": found.head,
        "classes": list(found.classes),
        "severities": {},
        "input": {"size": found.size, "channels": 3, "padding": 114},
        "licence": found.said.pop("license", ""),
        "description": f"Converted from the Ultralytics checkpoint {name[:120]}.",
        "converted": {
            **found.said,
            "confined": {
                "files": held.files,
                "network": held.network,
                "privileges": held.privileges,
            },
        },
    }

"""Checks a forest that somebody uploads, in the sandbox, and makes an artefact of it.

XGBoost's JSON and UBJSON, and what ``train fraud`` writes (`bundle`): pickles run code.
The file must name its features: a forest that gets them in another order answers wrongly.
"""

import shutil
from pathlib import Path
from typing import Any

from apps.fraud.inference.bundle import read_bundle, unpack
from apps.fraud.inference.model import FOREST, MOST_BYTES, feature_names, read_forest
from loupe.contract.runtime.errors import ModelRefused

RUNNER = "apps.fraud.explaining.runner:ExplainingRunner"
# Zip and gzip, and the first bytes of pickle protocols 2 to 5 and of XGBoost's old binary format.
_PICKLES = (b"PK\x03\x04", b"\x1f\x8b", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_OLD = (b"binf", b"bs64", b"CONFIG-offset:")


def check_artefact(folder: Path, upload: Path, name: str) -> dict[str, Any]:
    """Check `upload` (called `name` by its sender), copy it into `folder`, return its manifest.

    Raises:
        ModelRefused: with a sentence that says what is wrong and what to do.
    """
    size = upload.stat().st_size
    if size == 0:
        raise ModelRefused(f"{name!r} is empty (0 bytes). Send it again.", code="empty_file")
    if size > MOST_BYTES:
        raise ModelRefused(
            f"{name!r} has {size / 2**20:.0f} MiB; a forest may have {MOST_BYTES // 2**20}.",
            code="model_too_large",
        )
    with upload.open("rb") as file:
        head = file.read(16)
    if head.startswith(_PICKLES):
        raise ModelRefused(
            f"{name!r} is a pickle or an archive: reading it can run code, so Loupe never does. "
            "Write the model with save_model('forest.json') and upload that.",
            code="pickle_refused",
        )
    if head.startswith(_OLD):
        raise ModelRefused(
            f"{name!r} is in XGBoost's old binary format. Load it with an XGBoost before 3.1, "
            "write it with save_model('forest.json') and upload that.",
            code="old_format",
        )
    if (bundle := read_bundle(upload)) is not None:
        return unpack(folder, bundle, RUNNER)
    trees = read_forest(upload)
    if not trees.feature_names:
        raise ModelRefused(
            f"{name!r} does not name its features. Train it on columns with names (a data frame, "
            "or feature_names of a DMatrix), as docs/fraud.md lists them.",
            code="features_unknown",
        )
    features = feature_names(list(trees.feature_names))
    # In UBJSON the length of the first key follows the brace.
    target = "forest.ubj" if head[1:2] in (b"i", b"U", b"I", b"l", b"L", b"#", b"$") else FOREST
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(upload, folder / target)
    return {
        "runner": RUNNER,
        "format": "xgboost",
        "network": target,
        "features": list(features),
        "calibration": None,
        "description": f"Uploaded as {name[:120]}.",
    }

"""A trained model as one JSON file: to move it between machines and to register it by upload.

``{"loupe_fraud_model": 1, "manifest": {…}, "forest": {…}, "card": "…", "ladder": {…}}``, and for
a model that reads embeddings ``"encoder"``, the bytes of its safetensors in base 64. Nothing in it
is code; the manifest's parts that decide how scores are made are checked as they are at start.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.numpy import load

from apps.fraud.inference.calibration import Calibration
from apps.fraud.inference.embeddings import ENCODER, Embeddings
from apps.fraud.inference.model import FOREST, MOST_BYTES, FraudModel, feature_names
from loupe.contract.runtime.errors import ModelRefused

MARK: Final = "loupe_fraud_model"
SCORING: Final = (
    "features", "calibration", "calibrated_by", "groups", "scheme", "scheme_sha256", "embeddings",
)  # fmt: skip
TOLD: Final = (
    "reference", "data_sha256", "seed", "seeds", "versions", "licence", "description", "created",
)  # fmt: skip
"""What of a manifest is taken over; what the host writes itself is not."""
LONGEST_CARD: Final = 200_000


def pack(artefact: Path, file: Path) -> None:
    """Write the artefact in a folder as one file."""
    manifest = json.loads((artefact / "manifest.json").read_text())
    told = {
        MARK: 1,
        "manifest": {key: manifest[key] for key in (*SCORING, *TOLD) if key in manifest},
        "forest": json.loads((artefact / FOREST).read_bytes()),
        "card": (artefact / "README.md").read_text(),
        "ladder": json.loads((artefact / "ladder.json").read_text()),
    }
    if (artefact / ENCODER).is_file():
        told["encoder"] = base64.b64encode((artefact / ENCODER).read_bytes()).decode()
    file.write_text(json.dumps(told, ensure_ascii=False, separators=(",", ":")))


def read_bundle(upload: Path) -> Mapping[str, Any] | None:
    """What such a file says; None where it is another kind of file."""
    if upload.stat().st_size > MOST_BYTES:
        return None
    data = upload.read_bytes()
    if f'"{MARK}"'.encode() not in data[:100]:
        return None
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and told.get(MARK) == 1 else None


def unpack(folder: Path, told: Mapping[str, Any], runner: str) -> dict[str, Any]:
    """Write the files of a bundle into `folder` and return its manifest.

    Raises:
        ModelRefused: a part is missing, or forest, features and calibration do not fit.
    """
    said, forest = told.get("manifest"), told.get("forest")
    if not isinstance(said, dict) or not isinstance(forest, dict):
        raise ModelRefused(
            "The bundle has no manifest or no forest. Write it again with train fraud.",
            code="bundle_damaged",
        )
    manifest: dict[str, Any] = {key: said[key] for key in (*SCORING, *TOLD) if key in said}
    feature_names(manifest.get("features"))
    Calibration.of(manifest)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FOREST).write_text(json.dumps(forest, separators=(",", ":")))
    _unpack_encoder(folder, told, manifest)
    card = told.get("card")
    (folder / "README.md").write_text(card[:LONGEST_CARD] if isinstance(card, str) else "")
    ladder = told.get("ladder")
    (folder / "ladder.json").write_text(json.dumps(ladder if isinstance(ladder, dict) else {}))
    manifest.update(runner=runner, format="xgboost", network=FOREST)
    FraudModel.open(folder, manifest)
    return manifest


def _unpack_encoder(folder: Path, told: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    """Write what makes the embeddings of the bundle's model, if it reads any.

    Raises:
        ModelRefused: it is missing, or no file of tensors.
    """
    if Embeddings.declared(folder, manifest) is None:
        return
    try:
        data = base64.b64decode(told["encoder"], validate=True)
        load(data)
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ModelRefused(
            "The bundle reads embeddings and has no encoder to make them. Write it again with "
            "train fraud.",
            code="bundle_damaged",
        ) from error
    (folder / ENCODER).write_bytes(data)
